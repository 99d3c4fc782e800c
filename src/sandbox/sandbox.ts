import type { Channel } from '../channel/types.js';
import { SandboxError } from '../core/errors.js';
import type { Evidence } from '../core/evidence.js';
import type { CommandPath, ExecRequest } from '../core/exec.js';
import type { CommandId } from '../core/ids.js';
import type { SandboxSpec } from '../core/spec.js';
import type { Engine } from '../engine/types.js';
import type { Clock } from '../kit/clock.js';
import { ChannelRunner } from './command/channel-runner.js';
import type { Command, CommandOptions } from './command/command.js';
import type { OutputSink } from './command/command-output.js';
import { EngineRunner } from './command/engine-runner.js';
import type { CommandRunner } from './command/runner.js';
import { ownCgroup } from './own-cgroup.js';
import { pidNamespaceOf, startTicksOf } from './processes.js';
import { resolveFolderInside } from './resolve-inside.js';

/** A container of ours that runs, as its record or its creation gives it. */
export interface SandboxHandle {
  readonly containerId: string;
  /** Process 1 on the host. */
  readonly initPid: number;
  /** Pid namespace of process 1, so that a reused pid is never taken for it. */
  readonly namespace: string;
  /** When process 1 started, in clock ticks since boot. */
  readonly initStartTicks: number;
  readonly spec: SandboxSpec;
  readonly evidence: Evidence;
}

/** The open channel of a sandbox. */
export interface SandboxChannel {
  readonly path: CommandPath;
  readonly channel: Channel;
  /** Removes what the channel had on the host, once the sandbox is gone. */
  readonly release: () => Promise<void>;
}

/** What names process 1 of a sandbox beyond doubt: pid numbers and namespace numbers are both given out again. */
export type InitIdentity = Pick<SandboxHandle, 'initPid' | 'namespace' | 'initStartTicks'>;

/** Whether that very process still runs; reads /proc, asks no engine. */
export function isInitAlive({ initPid, namespace, initStartTicks }: InitIdentity): boolean {
  return pidNamespaceOf(initPid) === namespace && startTicksOf(initPid) === initStartTicks;
}

/** One sandbox: runs commands in it and takes it away. Whoever created or adopted it disposes it. */
export class Sandbox implements AsyncDisposable {
  readonly handle: SandboxHandle;
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #runner: CommandRunner;
  readonly #release: SandboxChannel['release'] | undefined;
  #removed: Promise<void> | undefined;
  #cgroup: Promise<string | undefined> | undefined;

  /** Without a channel commands go through the engine's exec. The sandbox disposes the channel. */
  constructor(handle: SandboxHandle, engine: Engine, clock: Clock, channel?: SandboxChannel) {
    this.handle = handle;
    this.#engine = engine;
    this.#clock = clock;
    this.#runner = channel === undefined ? this.#engineRunner() : new ChannelRunner(channel.path, channel.channel);
    this.#release = channel?.release;
    // Whatever speaks out of turn there is no process 1 of ours any more. (A detached sandbox would live on without a holder.)
    void channel?.channel.ended.then(async ({ why }) => {
      if (why === 'violation') await this[Symbol.asyncDispose]().catch(() => undefined);
    });
  }

  /** Whether process 1 still runs; reads /proc, asks no engine. */
  get alive(): boolean {
    return this.#removed === undefined && isInitAlive(this.handle);
  }

  /** How commands get in. */
  get commandPath(): CommandPath {
    return this.#runner.path;
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
    this.#cgroup ??= ownCgroup(initPid, containerId);
    const [cwd, cgroup] = await Promise.all([
      resolveFolderInside(initPid, request.cwd ?? spec.workdir),
      this.#cgroup,
      permitted,
    ]);
    const place = { clock: this.#clock, cgroup, initPid, cwd, isAlive: () => this.alive };
    return this.#runner.start(id, request, place, options);
  }

  /** The commands that ran when the channel was taken over; what they print from now on goes to `onOutput`. */
  takenOver(newId: () => CommandId, onOutput: OutputSink): readonly Command[] {
    const { initPid, spec } = this.handle;
    const place = { clock: this.#clock, cgroup: undefined, initPid, cwd: spec.workdir, isAlive: () => this.alive };
    return this.#runner.takenOver(newId, place, { onOutput });
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
