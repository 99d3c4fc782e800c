import type { Duplex } from 'node:stream';
import type { Clock } from '../kit/clock.js';
import type { Budget } from './budget.js';
import type { Door } from './door.js';
import type { EgressTimes } from './times.js';

/** What everything that serves a connection of one session shares. */
export interface EgressContext {
  readonly door: Door;
  readonly budget: Budget;
  readonly clock: Clock;
  readonly times: EgressTimes;
}

/** A connection from inside. The signal fires when it is closed, or the session is. */
export interface Client {
  readonly connection: Duplex;
  readonly signal: AbortSignal;
  /** Says that bytes have gone through it; without it for long the connection counts as abandoned. */
  readonly moved: () => void;
}

/** A signal that also fires after some time; disposing forgets the time. */
export function timedSignal(
  signal: AbortSignal,
  ms: number,
  clock: Clock,
): Disposable & { readonly signal: AbortSignal } {
  const [late, over] = [new AbortController(), new AbortController()];
  clock.sleep(ms, over.signal).then(
    () => late.abort(),
    () => undefined,
  );
  return { signal: AbortSignal.any([signal, late.signal]), [Symbol.dispose]: () => over.abort() };
}
