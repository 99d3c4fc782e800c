import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../kit/clock.js';
import { untilRoom } from '../kit/until-room.js';
import { type Budget, type Direction, OutOfBytes } from './budget.js';
import type { EgressTimes } from './times.js';
import { within } from './within.js';

export interface CarryOptions {
  readonly budget: Budget;
  readonly clock: Clock;
  readonly times: Pick<EgressTimes, 'lingerMs'>;
  /** Told of every chunk. */
  readonly moved: () => void;
}

/**
 * Carries bytes both ways, each way to its own end, until both sides are closed. A side that breaks off breaks the other off. Resolves with
 * `spent` when the session has no bytes left, which breaks both off.
 */
export async function carry(inside: Duplex, outside: Duplex, options: CarryOptions): Promise<'closed' | 'spent'> {
  const over = new AbortController();
  let outcome: 'closed' | 'spent' = 'closed';
  const onSpent = () => {
    outcome = 'spent';
    breakOff(inside);
    breakOff(outside);
  };
  const lane = { ...options, onSpent, signal: over.signal };
  // Nothing is told by errors that `close` does not tell, and one that nobody listens for would end the process.
  for (const side of [inside, outside]) side.on('error', () => undefined);
  const bothClosed = Promise.all([
    closing(inside, outside).then(() => linger(outside, options)),
    closing(outside, inside),
  ]);
  flow(inside, outside, 'out', lane);
  flow(outside, inside, 'in', lane);
  await bothClosed;
  over.abort();
  return outcome;
}

interface Lane extends CarryOptions {
  readonly onSpent: () => void;
  readonly signal: AbortSignal;
}

function flow(from: Duplex, to: Duplex, direction: Direction, lane: Lane): void {
  from.on('data', (chunk: Buffer) => {
    if (to.destroyed) return;
    lane.moved();
    try {
      const waitMs = lane.budget.spend(direction, chunk.length);
      const hasRoom = to.write(chunk);
      if (hasRoom && waitMs === 0) return;
      from.pause();
      void goOn(from, to, waitMs, lane);
    } catch (error) {
      if (!(error instanceof OutOfBytes)) throw error;
      lane.onSpent();
    }
  });
  from.once('end', () => to.end());
  from.resume();
}

async function goOn(from: Duplex, to: Duplex, waitMs: number, { clock, signal }: Lane): Promise<void> {
  if (waitMs > 0) await clock.sleep(waitMs, signal).catch(() => undefined);
  if (to.writableNeedDrain) await untilRoom(to);
  if (!from.destroyed) from.resume();
}

async function closing(side: Duplex, other: Duplex): Promise<void> {
  await untilClosed(side);
  // It tells nothing by an error when it was reset: what has not ended by then never will.
  if (!side.readableEnded || !side.writableFinished) breakOff(other);
}

/** The client is gone: what the server was sent last may still be on its way, but not for long, since nobody watches over it any more. */
async function linger(outside: Duplex, { clock, times }: CarryOptions): Promise<void> {
  await within(untilClosed(outside), times.lingerMs, clock, new AbortController().signal);
  breakOff(outside);
}

/** Resolves when nothing comes of a stream any more, however it went. */
export function untilClosed(side: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (side.closed) resolve();
    else side.once('close', resolve);
  });
}

/** As a reset, where that can be told: an end would say that all was sent. */
export function breakOff(side: Duplex): void {
  if (side.destroyed) return;
  // While its end is under way a socket can't be reset, and one that is asked for it then never says that it is closed.
  if (side instanceof Socket && !side.writableEnded) side.resetAndDestroy();
  else side.destroy();
}
