import type { PaddockError } from '../../core/errors.js';
import type { ExecRequest, ExecResult, ExitReason } from '../../core/exec.js';
import type { CommandId } from '../../core/ids.js';
import type { Engine, ExecState } from '../../engine/types.js';
import { type CgroupCounters, counted, readCounters } from '../../monitor/command-counters.js';
import { type CommandPlace, forcedExitCodes } from './command.js';
import type { CommandOutput } from './command-output.js';
import { hasProgram } from './has-program.js';
import { signalOfExitCode } from './signals.js';

/** A command as it is asked of the engine. */
export interface ExecIdentity {
  readonly id: CommandId;
  readonly request: ExecRequest;
  readonly place: CommandPlace;
  /** What is set for this command, over the sandbox's environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** The same, once the engine has it. */
export interface StartedExec extends ExecIdentity {
  readonly execId: string;
  readonly before: CgroupCounters;
}

/** A command of which nothing runs any more. */
export interface EndedExec {
  readonly started: StartedExec;
  readonly engine: Pick<Engine, 'inspectExec'>;
  /** PATH of the sandbox's environment, where it is known. */
  readonly path: string | undefined;
  readonly output: CommandOutput;
  /** On the monotonic clock. */
  readonly startedAt: number;
  readonly strays: number;
  /** Why we ended it, where we did. */
  readonly reason: () => ExitReason | undefined;
  /** What its streams broke with. */
  readonly broken: PaddockError | undefined;
}

const forgotten: ExecState = { running: false, exitCode: undefined, pid: 0 };

/** How it ended. A stream that broke is said in the result when the engine still knows that, else it is the error. */
export async function outcomeOf(ended: EndedExec): Promise<ExecResult> {
  const { started, broken, output, startedAt, strays } = ended;
  const { clock, cgroup } = started.place;
  const state = await exitState(ended).catch((error: unknown) => withoutState(ended, broken ?? error));
  if (broken !== undefined && state.running && ended.reason() === undefined) throw broken;
  const usage = counted(started.before, readCounters(cgroup));
  const reason = ended.reason() ?? ownReason(state, (usage.oomKills ?? 0) > 0);
  const exitCode = forcedExitCodes[reason] ?? (await ownExitCode(ended, state)) ?? 137;
  const signal = reason === 'exited' ? signalOfExitCode(exitCode) : undefined;
  return {
    exitCode,
    ...(signal === undefined ? {} : { signal }),
    reason,
    ...output.captured(),
    usage: { durationMs: Math.round(clock.monotonic() - startedAt), ...usage },
    strays,
    ...(broken === undefined ? {} : { outputError: broken.message }),
  };
}

function ownReason(state: ExecState, wasOomKill: boolean): ExitReason {
  if (state === forgotten) return 'session-ended';
  return wasOomKill && state.exitCode === 137 ? 'oom' : 'exited';
}

/** Shells say 127 when there is no such program; so do we, whatever the engine says. */
async function ownExitCode({ started, path }: EndedExec, { exitCode }: ExecState): Promise<number | undefined> {
  if (exitCode !== 126) return exitCode;
  const { place, env, request } = started;
  const { initPid, cwd } = place;
  return (await hasProgram(request.argv[0] ?? '', { initPid, cwd, path: env['PATH'] ?? path })) ? 126 : 127;
}

/** The engine has forgotten the command: expected when we ended it or the sandbox is gone, an error otherwise. */
function withoutState({ reason, started }: EndedExec, error: unknown): ExecState {
  if (reason() === undefined && started.place.isAlive()) throw error;
  return forgotten;
}

/** Docker ends the stream before it records the exit: ask until it has. */
async function exitState({ engine, started }: EndedExec): Promise<ExecState> {
  for (let attempt = 0; ; attempt += 1) {
    const state = await engine.inspectExec(started.execId);
    if (!state.running || attempt >= 100) return state;
    await started.place.clock.sleep(Math.min(5 * (attempt + 1), 100));
  }
}
