import type { Duplex } from 'node:stream';
import type { ChannelEnd } from './end.js';

export type OutputName = 'stdout' | 'stderr';

export interface ChannelRlimit {
  /** The kernel's number (RLIMIT_NOFILE is 7). */
  readonly resource: number;
  /** 2n ** 64n - 1n is "unlimited". */
  readonly soft: bigint;
  readonly hard: bigint;
}

/** One command. Everything is checked before it is sent; BAD_ARGUMENT says what can't be. At most 2 MiB altogether. */
export interface ChannelStart {
  readonly argv: readonly string[];
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute, inside. */
  readonly cwd: string;
  /** 0: none. Kept by process 1, on CLOCK_BOOTTIME. */
  readonly timeoutMs: number;
  /** Between SIGTERM and SIGKILL after the timeout. */
  readonly graceMs: number;
  /** 0: a sink that is slow holds the command back. Else the newest bytes are kept, at most 1 MiB. */
  readonly ringBytes?: number;
  readonly umask?: number;
  readonly rlimits?: readonly ChannelRlimit[];
  /** A pseudo-terminal: one output, stdout. */
  readonly tty?: { readonly rows: number; readonly columns: number };
  /** Whether there is standard input to write to. */
  readonly stdin: boolean;
  /** `exec NAME` or `stack NAME`. */
  readonly apparmor?: string;
}

export interface CommandSinks {
  /**
   * Takes output in order. `offset` is that of the first byte in its stream: where it is greater than the end of the
   * chunk before, what lies between was dropped (`ringBytes`, or a time without holder). While a returned promise is
   * pending no more of that stream comes, and once 1 MiB waits the command is held back. The chunk is valid until
   * then: copy what is kept. A sink that throws or rejects ends its command; `exited` then rejects with the same.
   */
  onOutput(stream: OutputName, chunk: Buffer, offset: number): void | Promise<void>;
}

export interface ChannelExit {
  /** `lost`: its supervisor was killed from inside, so nobody saw the status. */
  readonly how: 'exited' | 'signal' | 'lost';
  /** With `exited`: 0 – 255. */
  readonly status?: number;
  /** With `signal`: 1 – 64. */
  readonly signal?: number;
  /** What ended it; `ended`: `end`, or an aborted start. */
  readonly cause: 'itself' | 'timeout' | 'ended' | 'supervisor-lost';
  /** Descendants that outlived the first process and were killed. */
  readonly strays: number;
  readonly userUs: number;
  readonly systemUs: number;
  /** Of its largest process. */
  readonly peakBytes: number;
  readonly durationUs: number;
}

/** A command that process 1 still knew when the channel was taken over. */
export interface CommandState {
  readonly id: number;
  readonly phase: 'running' | 'finished';
  /** May be 0 for one that has not started, or could not. */
  readonly pid: number;
  /** On CLOCK_BOOTTIME. */
  readonly startedBoottimeMs: number;
  /** The next byte to come of each stream. */
  readonly stdoutOffset: number;
  readonly stderrOffset: number;
}

/** Processes that wait for what they are to run, so that they can be put somewhere before. */
export interface PreparedCommand {
  /** That of the command which it becomes. */
  readonly id: number;
  /** Of its first process, as seen inside. */
  readonly pid: number;
  /** They are gone, or a `start` took them. */
  readonly isOver: boolean;
  /** They are not wanted. */
  discard(): void;
}

export type SignalScope = 'leader' | 'tree' | 'foreground';

/** A started command. What is asked of it after its end does nothing: it may have ended a moment ago anyway. */
export interface ChannelCommand {
  readonly id: number;
  /** Of its first process, as seen inside; 0 while one that was taken over has not started. */
  readonly pid: number;
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  /**
   * Resolves once the bytes are within the window of 512 KiB (they were copied then), or the command has ended. Rejects
   * with BAD_ARGUMENT after `endInput` or without standard input, LIMIT_REACHED when 64 writes wait already, and as
   * `exited` does when the channel ends.
   */
  write(chunk: Uint8Array): Promise<void>;
  /** End of file, after everything written before. */
  endInput(): void;
  /** 1 – 64. */
  signal(signo: number, scope: SignalScope): void;
  /** SIGTERM to all of it, then after the grace SIGKILL until nothing is left; 0: SIGKILL at once. */
  end(graceMs: number): void;
  resize(rows: number, columns: number): void;
  /**
   * Resolves when nothing of its tree is left and the sinks took all of its output. Rejects with SESSION_ENDED
   * (CHANNEL_VIOLATION after a violation) when the channel ended first, also after the sinks took what had come; with
   * ChannelStartFailed where one that was taken over did not start.
   */
  readonly exited: Promise<ChannelExit>;
}

export interface ChannelPeer {
  readonly initVersion: string;
  /** Of the protocol. */
  readonly version: number;
  readonly procReadable: boolean;
  readonly takenOver: boolean;
}

/**
 * A TCP connection that something inside made to a port of `Channel.listen`, or takes from `Channel.dial`, half-open like any socket. Destroying it
 * resets it. When it is reset from inside, or the channel ends, it is destroyed without an error, so that nobody must
 * listen for one: `pipeline` and `finished` tell a premature close. Holds at most the window (128 KiB) each way.
 */
export interface ChannelConnection extends Duplex {
  readonly id: number;
  /** The port inside that it came to, or that was dialled. */
  readonly port: number;
}

/** A port on 127.0.0.1 inside the sandbox. Disposing stops listening; connections live on. */
export interface ChannelListener extends Disposable {
  readonly port: number;
  close(): void;
}

/** The way into one sandbox, for one holder at a time. Disposing closes it: an attached sandbox ends then. */
export interface Channel extends AsyncDisposable {
  readonly peer: ChannelPeer;
  /** Commands of the holder before, if there was one. */
  readonly known: readonly CommandState[];
  /** Never rejects. Nothing of the channel is open any more then. */
  readonly ended: Promise<ChannelEnd>;
  readonly isOpen: boolean;
  /**
   * Resolves when it runs. Throws ChannelStartFailed, BAD_ARGUMENT, or as `exited` does; when `signal` fires before,
   * INTERRUPTED, once nothing of it is left. Later the signal has no effect. With `prepared` ChannelStartFailed at the
   * stage `fork` when those processes were killed meanwhile: nothing has run, and another `start` may do better.
   */
  start(
    command: ChannelStart,
    sinks: CommandSinks,
    signal?: AbortSignal,
    prepared?: PreparedCommand,
  ): Promise<ChannelCommand>;
  /** Resolves when they wait. ChannelStartFailed, or as `start`. */
  prepare(): Promise<PreparedCommand>;
  /** A command of `known`, once each; its output flows from now on. NO_SUCH_COMMAND. */
  attach(id: number, sinks: CommandSinks): ChannelCommand;
  /** Resolves when process 1 has answered. */
  ping(): Promise<void>;
  /**
   * Stops everything in the sandbox but what is ours, at once, so that nobody who forks all the time gets by. Resolves when it has
   * been done; whoever asks lets it go on.
   */
  hold(): Promise<void>;
  /**
   * The sandbox ends at that moment of CLOCK_BOOTTIME instead of the one before, at once when it has passed. Resolves when process 1
   * has said so; BAD_ARGUMENT, and LIMIT_REACHED when 64 answers are waited for already.
   */
  setDeadline(boottimeMs: number): Promise<void>;
  /**
   * Listens on 127.0.0.1 inside; port 0: any. CHANNEL_UNAVAILABLE when the port can't be had, LIMIT_REACHED at 8.
   * `onConnection` must not throw; a connection that nobody reads holds at most 128 KiB.
   */
  listen(port: number, onConnection: (connection: ChannelConnection) => void): Promise<ChannelListener>;
  /**
   * Connects to a port on 127.0.0.1 inside. ChannelDialFailed when nothing takes it, LIMIT_REACHED when 16 are under way, the
   * reason of `signal` when that fires first; else as `exited` does.
   */
  dial(port: number, signal: AbortSignal): Promise<ChannelConnection>;
  /** Ends the sandbox; resolves with the channel's end, at the latest after `shutdownTimeoutMs`. */
  shutdown(): Promise<void>;
}
