import type { Channel } from '../channel/types.js';
import { SandboxError } from '../core/errors.js';
import type { CommandPath, ExecRequest } from '../core/exec.js';
import type { CommandId } from '../core/ids.js';
import type { Limits } from '../core/limits.js';
import type { Engine } from '../engine/types.js';
import type { Clock } from '../kit/clock.js';
import { isDoneWithin } from '../kit/done-within.js';
import { known } from '../kit/known.js';
import { readFromEngine } from '../monitor/engine-reading.js';
import { ownCgroup } from '../monitor/own-cgroup.js';
import type { Reading } from '../monitor/reading.js';
import type { CommandCgroups } from './cgroups/command-cgroups.js';
import type { NoCommandCgroups } from './cgroups/open.js';
import { changeLimits, limitControls, wasHeld, wasRefused, withDeadline } from './change.js';
import { ChannelRunner } from './command/channel-runner.js';
import type { Command, CommandOptions } from './command/command.js';
import type { OutputSink } from './command/command-output.js';
import { EngineRunner } from './command/engine-runner.js';
import type { CommandRunner } from './command/runner.js';
import type { SandboxHandle } from './handle.js';
import { boottimeMs } from './host-facts.js';
import { isInitAlive, outOfSight } from './init-identity.js';
import { refuseUnmet } from './refuse-unmet.js';
import { resolveFolderInside } from './resolve-inside.js';

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
  #handle: SandboxHandle;
  /** `in use`: each command has a cgroup of its own. Else why not. */
  readonly commandCgroups: Promise<string>;
  /** What whoever asked for it should know of its image. */
  readonly notes: readonly string[];
  readonly #cgroups: Promise<CommandCgroups | undefined> | undefined;
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #channel: Channel | undefined;
  readonly #runner: CommandRunner;
  readonly #release: SandboxChannel['release'] | undefined;
  #limitChanges = 0;
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
    this.#handle = handle;
    this.#engine = engine;
    this.#clock = clock;
    this.#channel = channel?.channel;
    this.#cgroups = cgroups?.then((one) => (typeof one === 'string' ? undefined : one));
    this.commandCgroups = Promise.resolve(cgroups).then((one) =>
      typeof one === 'object' ? 'in use' : (one ?? 'none'),
    );
    this.#runner =
      channel === undefined ? this.#engineRunner() : new ChannelRunner(channel.path, channel.channel, this.#cgroups);
    this.#release = channel?.release;
    // Whatever speaks out of turn there is no process 1 of ours any more. (A detached sandbox would live on without a holder.)
    void channel?.channel.ended.then(async ({ why }) => {
      if (why === 'violation') await this[Symbol.asyncDispose]().catch(() => undefined);
    });
  }

  /** As it is now: limits, deadline and the evidence of them can be changed. */
  get handle(): SandboxHandle {
    return this.#handle;
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
    return this.#limitChanges;
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

  /**
   * Moves the end of the sandbox to `endsInMs` from now. When process 1 does not say within ten seconds that it will end then
   * (CHANNEL_UNAVAILABLE), it is not known which of the two ends it has, and the evidence says so. Errors: UPDATE_UNSUPPORTED with the
   * engine's exec, SESSION_ENDED, CHANNEL_VIOLATION.
   */
  async setDeadline(endsInMs: number, lifetimeMs: number): Promise<void> {
    const boottime = Math.round((await boottimeMs()) + endsInMs);
    if (!(await this.#isAnswered(this.#runner.setDeadline(boottime)))) {
      this.#handle = withDeadline(this.#handle, lifetimeMs, undefined);
      throw new SandboxError('CHANNEL_UNAVAILABLE', 'process 1 does not say when it will end the sandbox');
    }
    this.#handle = withDeadline(this.#handle, lifetimeMs, boottime);
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

  /**
   * Gives it other limits; `handle` then has the kernel's account of them, also when this throws: the engine's own error when it did
   * not change what the kernel held before, CONTROL_NOT_ENFORCED when a limit that policy requires is not held now, SESSION_ENDED.
   * The caller takes the change back then.
   */
  async setLimits(limits: Limits): Promise<void> {
    const before = this.#handle;
    this.#limitChanges += 1;
    const { handle, refusal } = await changeLimits(before, limits, this.#engine);
    if (wasRefused(refusal)) this.#limitChanges -= 1;
    if (!this.alive) throw new SandboxError('SESSION_ENDED', 'the sandbox has ended');
    this.#handle = handle;
    await this.#tellCommands();
    if (refusal !== undefined && (refusal.code !== 'ENGINE_FAILED' || wasHeld(before, limits))) throw refusal;
    const require = handle.spec.require.filter((id) => limitControls.includes(id));
    refuseUnmet(handle.evidence, { ...handle.spec, require });
  }

  /** Has what starts from now on keep to the limit of one file; the rest of the disk's limits is no business of the sandbox. */
  setDiskLimits({ diskBytes, fsizeBytes }: Pick<Limits, 'diskBytes' | 'fsizeBytes'>): void {
    const { spec } = this.#handle;
    const limits = { ...spec.limits, ...known({ diskBytes, fsizeBytes }) };
    this.#handle = { ...this.#handle, spec: { ...spec, limits } };
  }

  /** What runs has the old limit written into its own cgroup: it must not stay below a greater one. */
  async #tellCommands(): Promise<void> {
    const cgroups = await this.#cgroups;
    await cgroups?.followLimit().catch((cause: unknown) => {
      const message = 'the commands that run keep the limit of memory that they had';
      throw new SandboxError('UPDATE_UNSUPPORTED', message, { cause });
    });
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
