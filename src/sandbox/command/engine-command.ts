import { type PaddockError, SandboxError, toPaddockError } from '../../core/errors.js';
import type { ExecRequest, ExecResult, ExitReason } from '../../core/exec.js';
import type { CommandId } from '../../core/ids.js';
import type { Engine, ExecStreams } from '../../engine/types.js';
import { untilRoom } from '../../kit/until-room.js';
import { readCounters } from '../../monitor/command-counters.js';
import { isHidden, pidNamespaceOf, startTicksOf } from '../processes.js';
import { type Command, type CommandOptions, graceMsFor, type SignalScope, type TerminalSize } from './command.js';
import { CommandOutput } from './command-output.js';
import { type ExecIdentity, outcomeOf, type StartedExec } from './engine-outcome.js';
import { feed, hasInput, type InputTarget } from './feed.js';
import { type KillOutcome, type KillTarget, killTree, signalTree } from './kill-tree.js';

const killDeadlineMs = 10_000;
const streamsLingerMs = 2000;

/** What an engine's commands need of their sandbox. */
export interface EngineCommandHost {
  readonly engine: Engine;
  readonly containerId: string;
  /** Pid namespace of the sandbox. */
  readonly namespace: string;
  /** PATH of the sandbox's environment, where it is known. */
  readonly path: string | undefined;
  /** What belongs to this command and to no other live one. */
  readonly killTarget: (id: CommandId) => KillTarget;
  /** Called when a tree could not be ended by signals: the sandbox itself has to go. */
  readonly onUnkillable: () => Promise<void>;
}

/** One command running through the engine's exec. */
export class EngineCommand implements Command {
  readonly id: CommandId;
  readonly request: ExecRequest;
  readonly startedAtMs: number;
  readonly output: CommandOutput;
  readonly result: Promise<ExecResult>;
  readonly #started: StartedExec;
  readonly #host: EngineCommandHost;
  readonly #streams: ExecStreams;
  readonly #startedAt: number;
  #reason: ExitReason | undefined;
  #ended: Promise<KillOutcome> | undefined;
  #firstPid: number | undefined;
  #firstTicks: number | undefined;
  #removal: Promise<void> | undefined;

  private constructor(started: StartedExec, host: EngineCommandHost, streams: ExecStreams, options: CommandOptions) {
    this.id = started.id;
    this.request = started.request;
    this.#started = started;
    this.#host = host;
    this.#streams = streams;
    this.startedAtMs = started.place.clock.now();
    this.#startedAt = started.place.clock.monotonic();
    this.output = new CommandOutput(started.request, options.onOutput, () => {
      void this.end('output-limit').catch(() => undefined);
    });
    this.result = this.#run(options);
    // A background command may fail while nobody waits for it; whoever asks later still gets the rejection.
    this.result.catch(() => undefined);
  }

  /** Rejects with COMMAND_NOT_RUN when the engine would not take it. */
  static async start(identity: ExecIdentity, host: EngineCommandHost, options: CommandOptions): Promise<EngineCommand> {
    options.signal?.throwIfAborted();
    const { request, place, env } = identity;
    const tty = options.terminal !== undefined;
    const before = readCounters(place.cgroup);
    const execId = await host.engine
      .createExec(host.containerId, {
        argv: request.argv,
        env,
        cwd: place.cwd,
        tty,
        stdin: hasInput(request, options),
      })
      .catch((cause: unknown) => {
        throw notRun(cause);
      });
    const streams = await host.engine.startExec(execId, { tty });
    const command = new EngineCommand({ ...identity, execId, before }, host, streams, options);
    if (options.terminal !== undefined) await command.resize(options.terminal);
    return command;
  }

  async end(reason: ExitReason): Promise<void> {
    this.#reason ??= reason;
    this.#ended ??= this.#kill(graceMsFor(this.#reason));
    await this.#ended;
  }

  async signal(signalNumber: number, scope: SignalScope): Promise<void> {
    const first = await this.firstPid();
    signalTree(this.#host.killTarget(this.id), signalNumber, scope === 'leader' ? first : undefined);
  }

  async resize(size: TerminalSize): Promise<void> {
    // An exec that has just ended, or that the engine is still starting, has no terminal to tell.
    await this.#host.engine.resizeExec(this.#started.execId, size).catch(() => undefined);
  }

  /** First process of the command on the host, once the engine has told it; 0 when it was gone by then. */
  get knownPid(): number | undefined {
    return this.#firstPid;
  }

  /** The same, asked of the engine where it is not known; 0 also when the engine does not know it yet. */
  async firstPid(): Promise<number> {
    if (this.#firstPid !== undefined) return this.#firstPid;
    const state = await this.#host.engine.inspectExec(this.#started.execId);
    if (!state.running) this.#firstPid = 0;
    else if (state.pid > 0) {
      this.#firstPid = state.pid;
      this.#firstTicks = startTicksOf(state.pid);
    }
    return this.#firstPid ?? 0;
  }

  get #clock() {
    return this.#started.place.clock;
  }

  async #run(options: CommandOptions): Promise<ExecResult> {
    const timer = setTimeout(() => void this.end('timeout').catch(() => undefined), this.request.timeoutMs);
    const onAbort = () => void this.end('aborted').catch(() => undefined);
    options.signal?.addEventListener('abort', onAbort, { once: true });
    if (options.signal?.aborted) onAbort();
    const over = new AbortController();
    try {
      void feed(inputOf(this.#streams), this.request, options, over.signal);
      const pumps = Promise.all([
        this.#pump('stdout', this.#streams.stdout),
        this.#pump('stderr', this.#streams.stderr),
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
      over.abort();
      options.signal?.removeEventListener('abort', onAbort);
      await this.#streams[Symbol.asyncDispose]();
    }
  }

  async #pump(name: 'stdout' | 'stderr', from: AsyncIterable<unknown>): Promise<void> {
    for await (const piece of from) await this.output.take(name, piece as Buffer);
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
      await Promise.race([closed, this.#clock.sleep(this.#reason === undefined && pid === 0 ? 300 : 100)]);
      if (!open()) break;
      // An end may have come before the engine had started anything: what has appeared since is killed too.
      if (this.#ended !== undefined) {
        await this.#ended.then(() => this.#sweep());
        endedAt ??= this.#clock.monotonic();
        // Whatever it is that signals do not reach: the sandbox goes, and the command with it.
        if (this.#clock.monotonic() - endedAt > killDeadlineMs) {
          this.#removal ??= this.#host.onUnkillable().catch(() => undefined);
          return;
        }
      }
      if (pid === 0) pid = await this.firstPid().catch(() => 0);
      else if (this.#firstTicks !== undefined && isHidden(pid, this.#firstTicks)) {
        // Neither by its namespace nor by its parent, which is the engine's, can it be told whose it is when it is to be ended.
        this.#removal ??= this.#host.onUnkillable().catch(() => undefined);
        return;
      } else if (pidNamespaceOf(pid) !== this.#host.namespace) {
        await this.#sweep();
        await Promise.race([closed, this.#clock.sleep(streamsLingerMs)]);
        return;
      }
    }
    await pumps;
  }

  async #finish(broken: PaddockError | undefined): Promise<ExecResult> {
    const ended = await this.#ended;
    const strays = ended === undefined ? await this.#sweep() : 0;
    const { engine, path } = this.#host;
    return outcomeOf({
      ...{ started: this.#started, engine, path, output: this.output, startedAt: this.#startedAt, strays, broken },
      reason: () => this.#reason,
    });
  }

  /** Kills what outlived the command's first process; returns how many there were. */
  async #sweep(): Promise<number> {
    return (await this.#kill(0)).found;
  }

  async #kill(graceMs: number): Promise<KillOutcome> {
    const timing = { graceMs, deadlineMs: killDeadlineMs + graceMs };
    const outcome = await killTree(this.#host.killTarget(this.id), timing, this.#clock);
    // Awaited by `result` only: removing the sandbox ends its commands, this one too, and would wait for itself here.
    if (!outcome.complete) this.#removal ??= this.#host.onUnkillable().catch(() => undefined);
    return outcome;
  }
}

function inputOf({ stdin }: ExecStreams): InputTarget {
  // A command that ends without reading its input is no error of ours.
  stdin.on('error', () => undefined);
  return {
    write: async (chunk) => {
      if (!stdin.write(chunk)) await untilRoom(stdin);
    },
    end: () => stdin.end(),
  };
}

function notRun(cause: unknown): unknown {
  const status = cause instanceof Error && 'info' in cause ? (cause.info as { status?: unknown }).status : undefined;
  if (status !== 400 && status !== 500) return cause;
  return new SandboxError('COMMAND_NOT_RUN', `the engine would not run the command: ${(cause as Error).message}`, {
    cause,
  });
}
