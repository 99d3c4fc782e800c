import { SandboxError } from '../../core/errors.js';
import type { ExecRequest } from '../../core/exec.js';
import type { CommandId } from '../../core/ids.js';
import type { SandboxSpec } from '../../core/spec.js';
import type { Engine } from '../../engine/types.js';
import type { CommandOptions, CommandPlace } from './command.js';
import { EngineCommand, type EngineCommandHost } from './engine-command.js';
import type { KillTarget } from './kill-tree.js';
import { commandMark } from './marked-processes.js';
import type { CommandRunner } from './runner.js';

interface EngineRunnerOptions {
  readonly engine: Engine;
  readonly containerId: string;
  readonly initPid: number;
  readonly namespace: string;
  readonly spec: SandboxSpec;
  readonly isAlive: () => boolean;
  readonly onUnkillable: () => Promise<void>;
}

/**
 * The fallback: commands by the engine's exec. No engine can end a tree, so processes carry a mark and are found and
 * killed from the host.
 */
export class EngineRunner implements CommandRunner {
  readonly path = 'exec';
  readonly endedBecause = undefined;
  /** Nothing tells. */
  readonly wasKilled = false;
  readonly #options: EngineRunnerOptions;
  /** Commands that have not ended; undefined while the engine is starting one. */
  readonly #live = new Map<CommandId, EngineCommand | undefined>();

  constructor(options: EngineRunnerOptions) {
    this.#options = options;
  }

  async start(
    id: CommandId,
    request: ExecRequest,
    place: CommandPlace,
    options: CommandOptions,
  ): Promise<EngineCommand> {
    this.#live.set(id, undefined);
    try {
      const env = { ...request.env, [commandMark]: id };
      const command = await EngineCommand.start({ id, request, place, env }, this.#host(), options);
      this.#live.set(id, command);
      const forget = () => this.#live.delete(id);
      command.result.then(forget, forget);
      return command;
    } catch (error) {
      this.#live.delete(id);
      throw error;
    }
  }

  takenOver(): Promise<readonly EngineCommand[]> {
    return Promise.resolve([]);
  }

  readonly hold = undefined;
  readonly listen = undefined;
  readonly dial = undefined;

  setDeadline(): Promise<void> {
    const message = 'the end of this session can not be moved: its process 1 has no channel by which it could be told';
    const hint =
      'Create a session with `channel = "fifo"` (the default, docs/configuration.md) or `"attach"`, with enough lifetime.';
    return Promise.reject(new SandboxError('UPDATE_UNSUPPORTED', message, { hint }));
  }

  async settle(): Promise<void> {
    await Promise.allSettled([...this.#live.values()].map(async (command) => command?.end('session-ended')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing is held between commands.
  }

  #host(): EngineCommandHost {
    const { engine, containerId, namespace, spec, onUnkillable } = this.#options;
    const killTarget = (id: CommandId) => this.#killTarget(id);
    return { engine, containerId, namespace, path: spec.env['PATH'], killTarget, onUnkillable };
  }

  #killTarget(ownId: CommandId): KillTarget {
    const { namespace, initPid, isAlive } = this.#options;
    const others = () => [...this.#live].filter(([id]) => id !== ownId);
    return {
      namespace,
      isAlive,
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
