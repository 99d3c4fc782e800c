import { SandboxError } from '../core/errors.js';
import type { Evidence } from '../core/evidence.js';
import type { ExecRequest } from '../core/exec.js';
import type { CommandId } from '../core/ids.js';
import type { SandboxSpec } from '../core/spec.js';
import type { Engine } from '../engine/types.js';
import type { Clock } from '../kit/clock.js';
import { type Command, startCommand } from './command.js';
import type { CommandHost, CommandOptions } from './command-host.js';
import type { KillTarget } from './kill-tree.js';
import { ownCgroup } from './oom.js';
import { commandMark, pidNamespaceOf, startTicksOf } from './processes.js';
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
  /** Commands that have not ended; undefined while the engine is starting one. */
  readonly #live = new Map<CommandId, Command | undefined>();
  #removed: Promise<void> | undefined;
  #cgroup: Promise<string | undefined> | undefined;

  constructor(handle: SandboxHandle, engine: Engine, clock: Clock) {
    this.handle = handle;
    this.#engine = engine;
    this.#clock = clock;
  }

  /** Whether process 1 still runs; reads /proc, asks no engine. */
  get alive(): boolean {
    return this.#removed === undefined && isInitAlive(this.handle);
  }

  /**
   * Starts a command. Resolves when the engine runs it; its end is in `command.result`. Errors: SESSION_ENDED when the
   * sandbox is gone, COMMAND_NOT_RUN, EngineError.
   */
  async start(id: CommandId, request: ExecRequest, options: CommandOptions = {}): Promise<Command> {
    if (!this.alive) throw new SandboxError('SESSION_ENDED', 'the sandbox has ended');
    const { spec, containerId } = this.handle;
    const cwd = await resolveFolderInside(this.handle.initPid, request.cwd ?? spec.workdir);
    const env = { ...request.env, [commandMark]: id };
    const place = { containerId, initPid: this.handle.initPid, cwd, env, path: spec.env['PATH'] };
    const host = await this.#commandHost();
    this.#live.set(id, undefined);
    try {
      const command = await startCommand(id, request, host, place, options);
      this.#live.set(id, command);
      const forget = () => this.#live.delete(id);
      command.result.then(forget, forget);
      return command;
    } catch (error) {
      this.#live.delete(id);
      throw error;
    }
  }

  /** Ends every command and removes the container. Idempotent; nothing of it is left when this resolves. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#removed ??= this.#remove();
    await this.#removed;
  }

  async #remove(): Promise<void> {
    // The container's end takes every process in its pid namespace along: no need to end the commands one by one.
    await this.#engine.removeContainer(this.handle.containerId);
    await Promise.allSettled([...this.#live.values()].map(async (command) => command?.end('aborted')));
  }

  async #commandHost(): Promise<CommandHost> {
    this.#cgroup ??= ownCgroup(this.handle.initPid, this.handle.containerId);
    return {
      engine: this.#engine,
      clock: this.#clock,
      cgroup: await this.#cgroup,
      namespace: this.handle.namespace,
      isAlive: () => this.alive,
      killTarget: (command) => this.#killTarget(command),
      onUnkillable: () => this[Symbol.asyncDispose](),
    };
  }

  #killTarget(command: { readonly id: CommandId }): KillTarget {
    const { namespace, initPid } = this.handle;
    const others = () => [...this.#live].filter(([id]) => id !== command.id);
    return {
      namespace,
      isAlive: () => isInitAlive(this.handle),
      scope: () => {
        const pids = others().map(([, other]) => other?.knownPid);
        return {
          initPid,
          otherMarks: new Set(others().map(([id]) => id)),
          otherPids: new Set(pids.filter((pid) => pid !== undefined)),
          // A process that the OCI runtime is just putting in has no mark yet.
          unmarkedSpared: pids.includes(undefined),
        };
      },
      learn: async () => {
        await Promise.allSettled(others().map(async ([, other]) => other?.firstPid()));
      },
    };
  }
}
