import type { EgressRefusal } from './egress.js';

/** How commands get into a sandbox: over its channel (a pair of pipes, or the engine's attach stream), or by the engine's exec. */
export const commandPaths = ['fifo', 'attach', 'exec'] as const;
export type CommandPath = (typeof commandPaths)[number];

/** What a caller asks to run. argv is never interpreted; a shell line becomes `['/bin/sh', '-c', line]` before it gets here. */
export interface ExecRequest {
  readonly argv: readonly string[];
  /** Absolute path inside; default: the sandbox's workdir. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Text or bytes for standard input; absent: standard input is empty. */
  readonly stdin?: string | Uint8Array;
  /** From start to kill, in milliseconds. */
  readonly timeoutMs: number;
  /** Most bytes kept for each of stdout and stderr (half of them the head, half the tail). */
  readonly outputCapBytes: number;
  /** Bytes of both streams together after which the command is ended with `output-limit`. */
  readonly outputLimitBytes: number;
}

/**
 * Why a command ended; the first reason wins. `lost`: something inside killed what supervised it, so how it would have
 * ended is not known. `session-ended`: the sandbox ended while it ran.
 */
export const exitReasons = [
  'exited',
  'timeout',
  'oom',
  'aborted',
  'output-limit',
  'disk-limit',
  'lost',
  'session-ended',
] as const;
export type ExitReason = (typeof exitReasons)[number];

/** One captured stream: the kept head and tail, and what was dropped between them. */
export interface CapturedOutput {
  /** Bytes decoded as UTF-8; invalid sequences become U+FFFD. */
  readonly text: string;
  /** All bytes the command wrote. */
  readonly totalBytes: number;
  /** Bytes left out between head and tail; the text says so in place. */
  readonly droppedBytes: number;
}

/** What a command used, its whole tree together; absent where nothing tells it (the engine's exec tells durations only). */
export interface Usage {
  readonly durationMs: number;
  readonly userCpuMs?: number;
  readonly systemCpuMs?: number;
  /** Peak resident size of its largest process (ru_maxrss), not of the tree. */
  readonly peakProcessBytes?: number;
  /** Time for which the whole sandbox was held back by its CPU quota while the command ran (cpu.stat throttled_usec). */
  readonly sandboxThrottledMs?: number;
  /** Out-of-memory kills: of the command where it has a cgroup of its own, else in the sandbox while it ran. */
  readonly oomKills?: number;
  /** Most memory that its tree had at one time, caches and its part of tmpfs included. Needs a cgroup of its own, as does the next. */
  readonly peakTreeBytes?: number;
  /** Most processes and threads that its tree had at one time. */
  readonly peakProcesses?: number;
}

/**
 * One finished command. Failure has the same shape as success.
 * exitCode follows shells: the command's own, 126/127 not runnable/not found, 128+n killed by signal n, 124 timeout.
 */
export interface ExecResult {
  readonly exitCode: number;
  /** Name of the signal that ended it, where that is known. */
  readonly signal?: string;
  readonly reason: ExitReason;
  readonly stdout: CapturedOutput;
  readonly stderr: CapturedOutput;
  readonly usage: Usage;
  /** Processes of the command that outlived it and were killed. */
  readonly strays: number;
  /** Set when the engine broke off the output: something of it may be missing, and this is why. */
  readonly outputError?: string;
  /** What the reason alone does not say: numbers, and what to do. */
  readonly note?: string;
  /** What was refused to the sandbox's connections while it ran, its own and those of others beside it; absent: nothing. */
  readonly blocked?: readonly EgressRefusal[];
}
