import type { Channel } from '../channel/types.js';
import { SandboxError } from '../core/errors.js';
import type { CommandPath, ExecRequest } from '../core/exec.js';
import type { CommandId } from '../core/ids.js';
import type { Limits } from '../core/limits.js';
import type { Engine } from '../engine/types.js';
import type { Clock } from '../kit/clock.js';
import { isDoneWithin } from '../kit/done-within.js';
import { readFromEngine } from '../monitor/engine-reading.js';
import { ownCgroup } from '../monitor/own-cgroup.js';
import type { Reading } from '../monitor/reading.js';
import type { CommandCgroups } from './cgroups/command-cgroups.js';
import type { NoCommandCgroups } from './cgroups/open.js';
import { ChannelRunner } from './command/channel-runner.js';
import type { Command, CommandOptions } from './command/command.js';
import type { OutputSink } from './command/command-output.js';
import { EngineRunner } from './command/engine-runner.js';
import type { CommandRunner } from './command/runner.js';
import type { SandboxHandle } from './handle.js';
import { isInitAlive, outOfSight } from './init-identity.js';
import { resolveFolderInside } from './resolve-inside.js';
import { Terms } from './terms.js';

const answerWithinMs = 10_000;

/** The open channel of a sandbox. */
export interface SandboxChannel {
  readonly path: CommandPath;
  readonly channel: Channel;
  /** Removes what the channel had on the host, once the sandbox is gone. */
  readonly release: () => Promise<void>;
}

/** One sandbox: runs commands in it and takes it away. Whoever created or adopted it disposes it. */
export class Sandbox implements AsyncDisposable {
  readonly #terms: Terms;
  /** `in use`: each command has a cgroup of its own. Else why not. */
  readonly commandCgroups: Promise<string>;
  /** What whoever asked for it should know of its image. */
  readonly notes: readonly string[];
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #channel: Channel | undefined;
  readonly #runner: CommandRunner;
  readonly #release: SandboxChannel['release'] | undefined;
  #removed: Promise<void> | undefined;
  #cgroup: { readonly folder: string | undefined } | undefined;

  /** Without a channel commands go through the engine's exec. The sandbox disposes the channel. `cgroups` never rejects. */
  constructor(
    handle: SandboxHandle,
    engine: Engine,
    clock: Clock,
    channel?: SandboxChannel,
    cgroups?: Promise<CommandCgroups | NoCommandCgroups>,
    notes: readonly string[] = [],
  ) {
    this.notes = notes;
    this.#engine = engine;
    this.#clock = clock;
    this.#channel = channel?.channel;
    const own = cgroups?.then((one) => (typeof one === 'string' ? undefined : one));
    this.commandCgroups = Promise.resolve(cgroups).then((one) =>
      typeof one === 'object' ? 'in use' : (one ?? 'none'),
    );
    this.#terms = new Terms(handle, {
      ...{ engine, cgroups: own, isAlive: () => this.alive },
      tellDeadline: (boottimeMs) => this.#isAnswered(this.#runner.setDeadline(boottimeMs)),
    });
    this.#runner = channel === undefined ? this.#engineRunner() : new ChannelRunner(channel.path, channel.channel, own);
    this.#release = channel?.release;
    // Whatever speaks out of turn there is no process 1 of ours any more. (A detached sandbox would live on without a holder.)
    void channel?.channel.ended.then(async ({ why }) => {
      if (why === 'violation') await this[Symbol.asyncDispose]().catch(() => undefined);
    });
  }

  /** As it is now: limits, deadline and the evidence of them can be changed. */
  get handle(): SandboxHandle {
    return this.#terms.handle;
  }

  /** Whether process 1 still runs; reads /proc, asks no engine. One that can't be seen runs as long as its channel is open. */
  get alive(): boolean {
    if (this.#removed !== undefined) return false;
    return this.handle.initPid === outOfSight ? this.#channel?.isOpen === true : isInitAlive(this.handle);
  }

  /** How commands get in. */
  get commandPath(): CommandPath {
    return this.#runner.path;
  }

  /** How often its limits were changed here, or are about to be; an engine that refused has nothing to tell of it. */
  get limitChanges(): number {
    return this.#terms.limitChanges;
  }

  /** Whether its process 1 was killed, as far as its channel can tell. */
  get wasKilled(): boolean {
    return this.#runner.wasKilled;
  }

  /** Why it ended, as far as process 1 could say; undefined while it runs, and with the engine's exec. */
  get endedBecause(): string | undefined {
    return this.#runner.endedBecause;
  }

  /**
   * Starts a command, not before `permitted` resolves: what only looks at the sandbox is done meanwhile. Resolves when it runs; its
   * end is in `command.result`. Errors: SESSION_ENDED when the sandbox is gone, COMMAND_NOT_RUN, EngineError, those of `permitted`.
   */
  async start(
    id: CommandId,
    request: ExecRequest,
    options: CommandOptions = {},
    permitted: Promise<unknown> = Promise.resolve(),
  ): Promise<Command> {
    // A channel tells by itself whether process 1 is there.
    if (this.#runner.path === 'exec' && !this.alive) throw new SandboxError('SESSION_ENDED', 'the sandbox has ended');
    const { spec, initPid, containerId } = this.handle;
    this.#cgroup ??= { folder: ownCgroup(initPid, containerId) };
    const cgroup = this.#cgroup.folder;
    const [cwd] = await Promise.all([resolveFolderInside(initPid, request.cwd ?? spec.workdir), permitted]);
    const { fsizeBytes } = this.handle.spec.limits;
    const place = { clock: this.#clock, cgroup, initPid, cwd, isAlive: () => this.alive, fsizeBytes };
    return this.#runner.start(id, request, place, options);
  }

  /** What the engine says that it uses, for where the kernel shows nothing; undefined when it says nothing, or fails. */
  usageByEngine(signal?: AbortSignal): Promise<Reading | undefined> {
    return readFromEngine(this.#engine, this.handle.containerId, signal);
  }

  /** The commands that ran when the channel was taken over; what they print from now on goes to `onOutput`. */
  takenOver(newId: () => CommandId, onOutput: OutputSink): Promise<readonly Command[]> {
    const { initPid, spec } = this.handle;
    const place = { clock: this.#clock, cgroup: undefined, initPid, cwd: spec.workdir, isAlive: () => this.alive };
    return this.#runner.takenOver(newId, place, { onOutput });
  }

  /** Moves its end (`Terms.setDeadline`), which process 1 has ten seconds to confirm. */
  setDeadline(endsInMs: number, lifetimeMs: number): Promise<void> {
    return this.#terms.setDeadline(endsInMs, lifetimeMs);
  }

  /**
   * Stops everything in there but what is ours, at once; undefined with the engine's exec. Errors: CHANNEL_UNAVAILABLE when process 1
   * does not say within ten seconds that it has, SESSION_ENDED, CHANNEL_VIOLATION.
   */
  get hold(): (() => Promise<void>) | undefined {
    const { hold } = this.#runner;
    // Whoever can't see what was stopped can't let it go on.
    if (hold === undefined || this.handle.initPid === outOfSight) return undefined;
    return async () => {
      if (await this.#isAnswered(hold())) return;
      throw new SandboxError('CHANNEL_UNAVAILABLE', 'process 1 does not say that it has stopped what runs');
    };
  }

  /** Listens on 127.0.0.1 inside (`Channel.listen`, and SESSION_ENDED); undefined with the engine's exec. */
  get listen(): Channel['listen'] | undefined {
    return this.#runner.listen;
  }

  /** Connects to a port on 127.0.0.1 inside (`Channel.dial`, and SESSION_ENDED); undefined with the engine's exec. */
  get dial(): Channel['dial'] | undefined {
    return this.#runner.dial;
  }

  #isAnswered(answer: Promise<void>): Promise<boolean> {
    return isDoneWithin(answer, answerWithinMs, this.#clock);
  }

  /** Gives it other limits (`Terms.setLimits`): the caller takes the change back when this throws. */
  setLimits(limits: Limits): Promise<void> {
    return this.#terms.setLimits(limits);
  }

  /** Has what starts from now on keep to the limit of one file (`Terms.setDiskLimits`). */
  setDiskLimits(limits: Pick<Limits, 'diskBytes' | 'fsizeBytes'>): void {
    this.#terms.setDiskLimits(limits);
  }

  /** Ends every command and removes the container. Idempotent; nothing of it is left when this resolves. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#removed ??= this.#remove().catch((error: unknown) => {
      // Not remembered: the next call asks the engine again.
      this.#removed = undefined;
      throw error;
    });
    await this.#removed;
  }

  /** Gives up the channel and leaves the sandbox running: for detached ones, which another process may take over. */
  async letGo(): Promise<void> {
    await this.#runner[Symbol.asyncDispose]();
  }

  async #remove(): Promise<void> {
    // The container's end takes every process in its pid namespace along: no need to end the commands one by one.
    await this.#engine.removeContainer(this.handle.containerId);
    await this.#runner.settle();
    await this.#runner[Symbol.asyncDispose]();
    await this.#release?.();
  }

  #engineRunner(): EngineRunner {
    const { containerId, initPid, namespace, spec } = this.handle;
    return new EngineRunner({
      engine: this.#engine,
      containerId,
      initPid,
      namespace,
      spec,
      isAlive: () => isInitAlive(this.handle),
      onUnkillable: () => this[Symbol.asyncDispose](),
    });
  }
}
