import { type ErrorCode, toPaddockError } from '../core/errors.js';
import type { Engine } from './types.js';

/** One request to an engine, up to its answer, or to the beginning of one that goes on. */
export interface HeardCall {
  /** The method of `Engine`. */
  readonly operation: string;
  readonly result: 'ok' | ErrorCode;
  readonly durationMs: number;
}

/** The same engine, and somebody who hears how each request to it ended. `onCall` must not throw. */
export function heardEngine(engine: Engine, onCall: (call: HeardCall) => void): Engine {
  return new Proxy(engine, {
    get(target, name) {
      // By itself: what a class keeps private is not to be had through a proxy.
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      const call = (...args: unknown[]): unknown => {
        const startedMs = performance.now();
        const answer: unknown = Reflect.apply(member, target, args);
        if (typeof name === 'string' && answer instanceof Promise) {
          const tell = (result: HeardCall['result']) =>
            onCall({ operation: name, result, durationMs: performance.now() - startedMs });
          answer.then(
            () => tell('ok'),
            (error: unknown) => tell(toPaddockError(error).code),
          );
        }
        return answer;
      };
      return call;
    },
  });
}
