import type { Readable } from 'node:stream';
import type { ExecRequest, ExecResult, ExitReason } from '../../core/exec.js';
import type { CommandId } from '../../core/ids.js';
import type { Clock } from '../../kit/clock.js';
import type { CommandOutput, OutputSink } from './command-output.js';

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

export interface CommandOptions {
  /** Ends the command with reason `aborted` when it fires. */
  readonly signal?: AbortSignal;
  readonly onOutput?: OutputSink;
  /** Streamed standard input, instead of the request's text. */
  readonly stdin?: Readable;
  /** Gives the command a terminal of that size; its stderr then comes in stdout. */
  readonly terminal?: TerminalSize;
  /** What it prints is the content of files, for whoever started it: it is kept from the session's log, and the command from its list once it is over. */
  readonly isUnlogged?: boolean;
  /** It runs other programs and gets over their failures, as agents do: that it ends well does not say that they missed nothing. */
  readonly isForgiving?: boolean;
}

/** Whom a signal reaches: the first process, every process of the command, or what the terminal has in front. */
export type SignalScope = 'leader' | 'tree' | 'foreground';

/**
 * One command in a sandbox. `result` resolves when nothing of it is left, with the same shape however it ended, and the
 * first reason wins; it rejects only when what runs it is lost (EngineError).
 */
export interface Command {
  readonly id: CommandId;
  readonly request: ExecRequest;
  /** Epoch milliseconds. */
  readonly startedAtMs: number;
  readonly output: CommandOutput;
  readonly result: Promise<ExecResult>;
  /** Ends the command and its whole tree; resolves when that is done. Later reasons are ignored. Idempotent. */
  end(reason: ExitReason): Promise<void>;
  /** Sends one signal and leaves the rest to the command. A command that has ended gets none. */
  signal(signalNumber: number, scope: SignalScope): Promise<void>;
  /** Tells the terminal its size; without a terminal nothing happens. */
  resize(size: TerminalSize): Promise<void>;
}

/** What every way to run a command needs to know of the sandbox. */
export interface CommandPlace {
  readonly clock: Clock;
  readonly cgroup: string | undefined;
  readonly initPid: number;
  /** Resolved inside. */
  readonly cwd: string;
  readonly isAlive: () => boolean;
  /** The largest file it may write, in bytes; absent: as the container has it. */
  readonly fsizeBytes?: number | undefined;
}

/** SIGTERM, this long, SIGKILL. */
export const termGraceMs = 2000;

/** The time between the two. Whoever prints or writes without end gets none to do more of it. */
export function graceMsFor(reason: ExitReason | undefined): number {
  return reason === 'output-limit' || reason === 'disk-limit' ? 0 : termGraceMs;
}

/** Exit codes that follow from the reason and not from the command. */
export const forcedExitCodes: Partial<Record<ExitReason, number>> = {
  timeout: 124,
  aborted: 130,
  'output-limit': 137,
  'disk-limit': 137,
  'session-ended': 137,
};
