import { connect as netConnect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../kit/clock.js';
import { codeOf } from '../kit/error-code.js';
import type { Address } from '../policy/egress/address.js';
import { OutsideFailure } from './failure.js';
import { timeUp, within } from './within.js';

/** Connects to an address, half-open; rejects where that fails, and leaves nothing behind when the signal fires. */
export type Connect = (address: Address, port: number, signal: AbortSignal) => Promise<Duplex>;

export interface Dialled {
  readonly socket: Duplex;
  readonly address: Address;
}

export interface DialOptions {
  readonly connect: Connect;
  /** For each address. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

export const connectTcp: Connect = (address, port, signal) =>
  new Promise((resolve, reject) => {
    // The text of an address: nothing is resolved a second time.
    const socket = netConnect({
      ...{ host: address.text, family: address.family, port },
      ...{ allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 },
    });
    const giveUp = () => socket.destroy(new OutsideFailure('unreachable', 'not wanted any more'));
    socket.once('error', reject);
    socket.once('connect', () => {
      signal.removeEventListener('abort', giveUp);
      socket.off('error', reject);
      resolve(socket);
    });
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
  });

/** The first of the addresses that answers, one family after the other by turns. They have all been judged, and are all there is to try. */
export async function dial(
  addresses: readonly Address[],
  port: number,
  options: DialOptions,
  signal: AbortSignal,
): Promise<Dialled> {
  let last: unknown;
  for (const address of byTurns(addresses)) {
    signal.throwIfAborted();
    try {
      return { address, socket: await dialOne(address, port, options, signal) };
    } catch (error) {
      last = error;
    }
  }
  signal.throwIfAborted();
  if (last instanceof OutsideFailure) throw last;
  const kind = codeOf(last) === 'ECONNREFUSED' ? 'refused' : 'unreachable';
  throw new OutsideFailure(kind, `the connection failed (${codeOf(last) ?? 'unknown'})`);
}

async function dialOne(address: Address, port: number, options: DialOptions, signal: AbortSignal): Promise<Duplex> {
  const over = new AbortController();
  const work = options.connect(address, port, AbortSignal.any([signal, over.signal]));
  try {
    const socket = await within(work, options.timeoutMs, options.clock, signal);
    if (socket !== timeUp) return socket;
  } catch (error) {
    over.abort();
    // It may have come about in the same moment.
    work.then((late) => late.destroy()).catch(() => undefined);
    throw error;
  }
  over.abort();
  work.then((late) => late.destroy()).catch(() => undefined);
  throw new OutsideFailure('timeout', 'the connection was not answered in time');
}

function byTurns(addresses: readonly Address[]): readonly Address[] {
  const first = addresses[0]?.family;
  const mine = addresses.filter((address) => address.family === first);
  const other = addresses.filter((address) => address.family !== first);
  const most = Math.max(mine.length, other.length);
  return Array.from({ length: most }, (_, at) => [...mine.slice(at, at + 1), ...other.slice(at, at + 1)]).flat();
}
