import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { type PaddockError, SandboxError, toPaddockError } from '../core/errors.js';
import type { CapturedOutput, ExecRequest, ExecResult, ExitReason } from '../core/exec.js';
import type { CommandId } from '../core/ids.js';
import type { ExecState, ExecStreams } from '../engine/types.js';
import { CapturedStream } from '../kit/captured-stream.js';
import type { CommandHost, CommandOptions, CommandPlace, OutputSink } from './command-host.js';
import { hasProgram } from './has-program.js';
import { type KillOutcome, killTree } from './kill-tree.js';
import { oomKills } from './oom.js';
import { pidNamespaceOf } from './processes.js';

const forced: Partial<Record<ExitReason, number>> = { timeout: 124, aborted: 130, 'output-limit': 137 };
const termGraceMs = 2000;
const killDeadlineMs = 10_000;
const streamsLingerMs = 2000;

/**
 * One command running through the engine's exec. `result` resolves when nothing of it is left; it rejects with an
 * EngineError only when the engine is lost. Ends of every kind have the shape of ExecResult, and the first reason wins.
 */
export class Command {
  readonly id: CommandId;
  readonly request: ExecRequest;
  readonly execId: string;
  readonly startedAtMs: number;
  readonly stdout: CapturedStream;
  readonly stderr: CapturedStream;
  readonly result: Promise<ExecResult>;
  readonly #host: CommandHost;
  readonly #streams: ExecStreams;
  readonly #startedAt: number;
  readonly #oomBefore: number | undefined;
  readonly #place: CommandPlace;
  #reason: ExitReason | undefined;
  #ended: Promise<KillOutcome> | undefined;
  #firstPid: number | undefined;
  #removal: Promise<void> | undefined;

  constructor(
    identity: {
      id: CommandId;
      execId: string;
      request: ExecRequest;
      oomBefore: number | undefined;
      place: CommandPlace;
    },
    host: CommandHost,
    streams: ExecStreams,
    options: CommandOptions,
  ) {
    this.id = identity.id;
    this.request = identity.request;
    this.execId = identity.execId;
    this.#oomBefore = identity.oomBefore;
    this.#place = identity.place;
    this.#host = host;
    this.#streams = streams;
    this.startedAtMs = host.clock.now();
    this.#startedAt = host.clock.monotonic();
    this.stdout = new CapturedStream(identity.request.outputCapBytes);
    this.stderr = new CapturedStream(identity.request.outputCapBytes);
    this.result = this.#run(options);
    // A background command may fail while nobody waits for it; whoever asks later still gets the rejection.
    this.result.catch(() => undefined);
  }

  /** Ends the command and its whole tree; resolves when the kill is done. Later reasons are ignored. */
  async end(reason: ExitReason): Promise<void> {
    this.#reason ??= reason;
    this.#ended ??= this.#kill(termGraceMs);
    await this.#ended;
  }

  /** First process of the command on the host, once the engine has told it; 0 when it was gone by then. */
  get knownPid(): number | undefined {
    return this.#firstPid;
  }

  /** The same, asked of the engine where it is not known; 0 also when the engine does not know it yet. */
  async firstPid(): Promise<number> {
    if (this.#firstPid !== undefined) return this.#firstPid;
    const state = await this.#host.engine.inspectExec(this.execId);
    if (!state.running) this.#firstPid = 0;
    else if (state.pid > 0) this.#firstPid = state.pid;
    return this.#firstPid ?? 0;
  }

  async #run(options: CommandOptions): Promise<ExecResult> {
    const timer = setTimeout(() => void this.end('timeout').catch(() => undefined), this.request.timeoutMs);
    const onAbort = () => void this.end('aborted').catch(() => undefined);
    options.signal?.addEventListener('abort', onAbort, { once: true });
    if (options.signal?.aborted) onAbort();
    try {
      feed(this.#streams, this.request, options.stdin);
      const pumps = Promise.all([
        this.#pump('stdout', this.#streams.stdout, options.onOutput),
        this.#pump('stderr', this.#streams.stderr, options.onOutput),
        this.#streams.closed,
      ]);
      const broken = await this.#watch(pumps).then(
        () => undefined,
        (error: unknown) => toPaddockError(error),
      );
      const result = await this.#finish(broken);
      await this.#removal;
      return result;
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      await this.#streams[Symbol.asyncDispose]();
    }
  }

  async #pump(name: 'stdout' | 'stderr', from: Readable, sink: OutputSink | undefined): Promise<void> {
    for await (const piece of from) {
      const chunk = piece as Buffer;
      this[name].write(chunk);
      if (this.stdout.totalBytes + this.stderr.totalBytes > this.request.outputLimitBytes) {
        void this.end('output-limit').catch(() => undefined);
      }
      await sink?.(name, chunk);
    }
  }

  /**
   * Resolves when the streams have closed or, failing that, a while after the command's first process is gone: Docker
   * keeps them open as long as any descendant holds them, so a background child could hold the result back for ever.
   */
  async #watch(pumps: Promise<unknown>): Promise<void> {
    let closing = false;
    const close = () => {
      closing = true;
    };
    const open = () => !closing;
    const closed = pumps.then(close, close);
    let pid = 0;
    let endedAt: number | undefined;
    while (open()) {
      await Promise.race([closed, this.#host.clock.sleep(this.#reason === undefined && pid === 0 ? 300 : 100)]);
      if (!open()) break;
      // An end may have come before the engine had started anything: what has appeared since is killed too.
      if (this.#ended !== undefined) {
        await this.#ended.then(() => this.#sweep());
        endedAt ??= this.#host.clock.monotonic();
        // Whatever it is that signals do not reach: the sandbox goes, and the command with it.
        if (this.#host.clock.monotonic() - endedAt > killDeadlineMs) {
          this.#removal ??= this.#host.onUnkillable().catch(() => undefined);
          return;
        }
      }
      if (pid === 0) pid = await this.firstPid().catch(() => 0);
      else if (pidNamespaceOf(pid) !== this.#host.namespace) {
        await this.#sweep();
        await Promise.race([closed, this.#host.clock.sleep(streamsLingerMs)]);
        return;
      }
    }
    await pumps;
  }

  /** A stream that broke is said in the result when the engine still knows how the command ended, else it is the error. */
  async #finish(broken: PaddockError | undefined): Promise<ExecResult> {
    const ended = await this.#ended;
    const strays = ended === undefined ? await this.#sweep() : 0;
    const state = await this.#exitState().catch((error: unknown) => this.#withoutState(broken ?? error));
    if (broken !== undefined && state.running && this.#reason === undefined) throw broken;
    const oomAfter = await oomKills(this.#host.cgroup);
    const oom = oomAfter !== undefined && this.#oomBefore !== undefined && oomAfter > this.#oomBefore;
    const reason = this.#reason ?? (oom && state.exitCode === 137 ? 'oom' : 'exited');
    const exitCode = forced[reason] ?? (await this.#ownExitCode(state)) ?? 137;
    const signal = reason === 'exited' ? signalOf(exitCode) : undefined;
    return {
      exitCode,
      ...(signal === undefined ? {} : { signal }),
      reason,
      stdout: captured(this.stdout),
      stderr: captured(this.stderr),
      usage: { durationMs: Math.round(this.#host.clock.monotonic() - this.#startedAt) },
      strays,
      ...(broken === undefined ? {} : { outputError: broken.message }),
    };
  }

  /** Shells say 127 when there is no such program; so do we, whatever the engine says. */
  async #ownExitCode({ exitCode }: ExecState): Promise<number | undefined> {
    if (exitCode !== 126) return exitCode;
    const { initPid, cwd, env } = this.#place;
    const path = env['PATH'] ?? this.#place.path;
    return (await hasProgram(this.request.argv[0] ?? '', { initPid, cwd, path })) ? 126 : 127;
  }

  /** The engine has forgotten the command: expected when we ended it or the sandbox is gone, an error otherwise. */
  #withoutState(error: unknown): ExecState {
    if (this.#reason !== undefined) return { running: false, exitCode: undefined, pid: 0 };
    if (this.#host.isAlive()) throw error;
    throw new SandboxError('SESSION_ENDED', 'the sandbox ended while the command ran', { cause: error });
  }

  /** Docker ends the stream before it records the exit: ask until it has. */
  async #exitState(): Promise<ExecState> {
    for (let attempt = 0; ; attempt += 1) {
      const state = await this.#host.engine.inspectExec(this.execId);
      if (!state.running || attempt >= 100) return state;
      await this.#host.clock.sleep(Math.min(5 * (attempt + 1), 100));
    }
  }

  /** Kills what outlived the command's first process; returns how many there were. */
  async #sweep(): Promise<number> {
    return (await this.#kill(0)).found;
  }

  async #kill(graceMs: number): Promise<KillOutcome> {
    const target = this.#host.killTarget(this);
    const outcome = await killTree(target, { graceMs, deadlineMs: killDeadlineMs + graceMs }, this.#host.clock);
    // Awaited by `result` only: removing the sandbox ends its commands, this one too, and would wait for itself here.
    if (!outcome.complete) this.#removal ??= this.#host.onUnkillable().catch(() => undefined);
    return outcome;
  }
}

function feed(streams: ExecStreams, request: ExecRequest, stdin: Readable | undefined): void {
  // A command that ends without reading its input is no error of ours.
  streams.stdin.on('error', () => undefined);
  if (stdin !== undefined) stdin.pipe(streams.stdin);
  else streams.stdin.end(request.stdin ?? '');
}

function captured(stream: CapturedStream): CapturedOutput {
  return { text: stream.text(), totalBytes: stream.totalBytes, droppedBytes: stream.droppedBytes };
}

/** Shells and engines report death by signal n as 128 + n; `exit 137` looks the same. */
function signalOf(exitCode: number): string | undefined {
  return Object.entries(constants.signals).find(([, number]) => exitCode === 128 + number)?.[0];
}

/** Starts a command; rejects with COMMAND_NOT_RUN when the engine would not take it. */
export async function startCommand(
  id: CommandId,
  request: ExecRequest,
  host: CommandHost,
  place: CommandPlace,
  options: CommandOptions,
): Promise<Command> {
  options.signal?.throwIfAborted();
  const oomBefore = await oomKills(host.cgroup);
  const execId = await host.engine
    .createExec(place.containerId, {
      argv: request.argv,
      env: place.env,
      cwd: place.cwd,
      tty: false,
      stdin: request.stdin !== undefined || options.stdin !== undefined,
    })
    .catch((cause: unknown) => {
      throw notRun(cause);
    });
  const streams = await host.engine.startExec(execId, { tty: false });
  return new Command({ id, execId, request, oomBefore, place }, host, streams, options);
}

function notRun(cause: unknown): unknown {
  const status = cause instanceof Error && 'info' in cause ? (cause.info as { status?: unknown }).status : undefined;
  if (status !== 400 && status !== 500) return cause;
  return new SandboxError('COMMAND_NOT_RUN', `the engine would not run the command: ${(cause as Error).message}`, {
    cause,
  });
}
