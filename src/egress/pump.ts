import type { Readable, Writable } from 'node:stream';
import { untilRoom } from '../kit/until-room.js';
import type { Direction } from './budget.js';
import type { Client, EgressContext } from './context.js';

/** What bytes are counted and timed by. */
export type Meter = Pick<EgressContext, 'budget' | 'clock'> & Pick<Client, 'moved' | 'signal'>;

/** Waits as the budget wants. OutOfBytes. */
export async function pay({ budget, clock, moved, signal }: Meter, direction: Direction, bytes: number): Promise<void> {
  moved();
  const waitMs = budget.spend(direction, bytes);
  if (waitMs > 0) await clock.sleep(waitMs, signal);
}

/**
 * Moves a body and ends it. The source is never destroyed: a server may answer before it has read all, and the client still has to get
 * the answer. Stops when nobody takes it. Rejects as the source does, with OutOfBytes, and when the signal fires.
 */
export async function pump(from: Readable, to: Writable, direction: Direction, meter: Meter): Promise<void> {
  for await (const chunk of from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    await pay(meter, direction, chunk.length);
    if (to.destroyed) return;
    if (!to.write(chunk)) await untilRoom(to);
  }
  to.end();
}
