import type { Engine } from '../src/engine/types.js';
import { noSteps, type Steps, timed } from './statistics.js';

/** What Paddock asked of the engine: its last create request, and how long the calls of each create took. */
export interface Watch {
  body: Readonly<Record<string, unknown>> | undefined;
  steps: Steps;
}

export const newWatch = (): Watch => ({ body: undefined, steps: noSteps() });

/** The engine itself, watched: the comparison takes its create request from Paddock's own. */
export function watched(engine: Engine, watch: Watch): Engine {
  const calls: Partial<Engine> = {
    createContainer: (name, body, signal) => {
      watch.body = body;
      return timed(watch.steps.create, () => engine.createContainer(name, body, signal));
    },
    startContainer: (id, signal) => timed(watch.steps.start, () => engine.startContainer(id, signal)),
    inspectContainer: (id, signal) => timed(watch.steps.inspect, () => engine.inspectContainer(id, signal)),
  };
  return new Proxy(engine, {
    get(target, name) {
      const own: unknown = Reflect.get(calls, name);
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
}
