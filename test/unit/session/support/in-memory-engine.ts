import { EngineError } from '../../../../src/core/errors.js';
import type { ContainerState, ContainerSummary, EngineIdentity } from '../../../../src/engine/types.js';

interface Held {
  id: string;
  name: string;
  labels: Record<string, string>;
  state: string;
  pid: number;
}

/** Containers in memory behind the few calls that prune and adopt make. Filters by label as the engines do. */
export class InMemoryEngine {
  identity: EngineIdentity;
  readonly containers: Held[] = [];
  /** Called before each list, so that a test can change the world at that moment. */
  onList: (listNumber: number) => void = () => undefined;
  lists = 0;
  isBroken = false;
  refusesRemoval = false;

  constructor(identity: Partial<EngineIdentity> = {}) {
    this.identity = {
      kind: 'podman',
      version: '5.8.10',
      socketPath: '/run/user/1/podman/podman.sock',
      origin: 'podman.sock',
      startedByUs: false,
      ...identity,
    };
  }

  add(container: Partial<Held> & { name: string }): Held {
    const id = (this.containers.length + 1).toString(16).padStart(64, 'a');
    const held = { id, labels: {}, state: 'running', pid: 4242, ...container };
    this.containers.push(held);
    return held;
  }

  listContainers(filters: readonly string[]): Promise<ContainerSummary[]> {
    this.lists += 1;
    this.onList(this.lists);
    if (this.isBroken) return Promise.reject(new EngineError('ENGINE_UNAVAILABLE', 'it hung up'));
    const has = (held: Held, filter: string) => {
      const [key = '', value] = filter.split('=');
      return value === undefined ? key in held.labels : held.labels[key] === value;
    };
    const matching = this.containers.filter((held) => filters.every((filter) => has(held, filter)));
    return Promise.resolve(
      matching.map(({ id, name, labels, state }) => ({ id, names: [name], labels, state, createdAtMs: 0 })),
    );
  }

  inspectContainer(id: string): Promise<ContainerState> {
    const held = this.containers.find((one) => one.id === id);
    if (!held) return Promise.reject(new EngineError('ENGINE_NOT_FOUND', 'no such container'));
    const running = held.state === 'running';
    return Promise.resolve({
      ...{ id, name: held.name, status: held.state, running, pid: running ? held.pid : 0, exitCode: 0 },
      ...{ oomKilled: false, labels: held.labels, imageId: '', claims: {} },
    });
  }

  removeContainer(id: string): Promise<boolean> {
    if (this.refusesRemoval) return Promise.reject(new EngineError('ENGINE_FAILED', 'device or resource busy'));
    const at = this.containers.findIndex((one) => one.id === id);
    if (at >= 0) this.containers.splice(at, 1);
    return Promise.resolve(at >= 0);
  }
}
