import type { Readable, Writable } from 'node:stream';
import { untilRoom } from '../kit/until-room.js';
import type { Direction } from './budget.js';
import type { EgressContext } from './context.js';

/** Waits as the budget wants. OutOfBytes. */
export async function pay(
  { budget, clock }: Pick<EgressContext, 'budget' | 'clock'>,
  direction: Direction,
  bytes: number,
  signal: AbortSignal,
): Promise<void> {
  const waitMs = budget.spend(direction, bytes);
  if (waitMs > 0) await clock.sleep(waitMs, signal);
}

/**
 * Moves a body and ends it. The source is never destroyed: a server may answer before it has read all, and the client still has to get
 * the answer. Stops when nobody takes it. Rejects as the source does, with OutOfBytes, and when the signal fires.
 */
export async function pump(
  from: Readable,
  to: Writable,
  direction: Direction,
  context: Pick<EgressContext, 'budget' | 'clock'>,
  signal: AbortSignal,
): Promise<void> {
  for await (const chunk of from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    await pay(context, direction, chunk.length, signal);
    if (to.destroyed) return;
    if (!to.write(chunk)) await untilRoom(to);
  }
  to.end();
}
