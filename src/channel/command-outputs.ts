import { encodeCredit, type OutputCredit } from './encode.js';
import type { Outbox } from './outbox.js';
import { ReceivingHalf } from './receiving-half.js';
import type { OutputName } from './types.js';

/** Credit of each output, filled up again by quarters. */
export const outputWindowBytes = 1024 * 1024;

export interface CommandPlan {
  readonly hasTty: boolean;
  readonly hasInput: boolean;
  /** Whether output may be dropped inside. */
  readonly hasRing: boolean;
  /** Of a command that was taken over. */
  readonly known?: {
    readonly pid: number;
    readonly startedAtMs: number;
    readonly stdoutOffset: number;
    readonly stderrOffset: number;
  };
}

export interface Outputs {
  readonly stdout: ReceivingHalf;
  /** A terminal has none. */
  readonly stderr: ReceivingHalf | undefined;
  readonly isEnded: boolean;
  drained(): Promise<void>;
}

/** What START grants, which is what `makeOutputs` counts on. A command that was taken over has none until it is attached. */
export function startCredit(plan: CommandPlan): OutputCredit {
  const each = plan.known ? 0 : outputWindowBytes;
  return { stdout: each, stderr: plan.hasTty ? 0 : each };
}

export function makeOutputs(
  id: number,
  plan: CommandPlan,
  outbox: Outbox,
  onFailed: (error: unknown) => void,
): Outputs {
  const credit = startCredit(plan);
  const make = (name: OutputName, offset: number) =>
    new ReceivingHalf(outbox, {
      name,
      offset,
      onFailed,
      creditBytes: credit[name],
      windowBytes: outputWindowBytes,
      mayJump: plan.hasRing,
      creditFrame: (bytes) => encodeCredit(id, name, bytes),
    });
  const stdout = make('stdout', plan.known?.stdoutOffset ?? 0);
  const stderr = plan.hasTty ? undefined : make('stderr', plan.known?.stderrOffset ?? 0);
  return {
    stdout,
    stderr,
    get isEnded() {
      // Whether a command that was taken over has a terminal is not told, so that its second output may have no end.
      const isSilent = plan.known !== undefined && stderr?.offset === plan.known.stderrOffset;
      return stdout.isEnded && (stderr === undefined || stderr.isEnded || isSilent);
    },
    drained: async () => {
      await stdout.drained();
      await stderr?.drained();
    },
  };
}
