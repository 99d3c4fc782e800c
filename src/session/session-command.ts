import { PaddockError } from '../core/errors.js';
import type { ExecResult } from '../core/exec.js';
import type { CommandId } from '../core/ids.js';
import type { Clock } from '../kit/clock.js';
import { isDoneWithin } from '../kit/done-within.js';
import type { Command } from '../sandbox/command/command.js';

/** A command of a session: running or finished, kept until newer ones push it out. */
export interface SessionCommand {
  readonly id: CommandId;
  readonly argv: readonly string[];
  readonly startedAtMs: number;
  readonly command: Command;
  /** Resolves, never rejects, once the command has ended and the audit log says so. */
  readonly settled: Promise<void>;
  /** Set when `settled` resolves. */
  outcome?: { readonly result: ExecResult } | { readonly error: PaddockError };
}

/** How a settled command ended; throws the error when it has no result. */
export function resultOf({ outcome }: SessionCommand): ExecResult {
  if (outcome === undefined) throw new PaddockError('INTERNAL', 'the command has no outcome');
  if ('error' in outcome) throw outcome.error;
  return outcome.result;
}

/** Waits until the command, or whatever else settles like one, has ended, `waitMs` have passed or the signal fires; says whether it has ended. */
export async function waitFor(
  entry: Pick<SessionCommand, 'settled'> & { readonly outcome?: unknown },
  clock: Clock,
  waitMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  await isDoneWithin(entry.settled, waitMs, clock, signal);
  return entry.outcome !== undefined;
}
