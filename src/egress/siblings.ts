import type { Duplex } from 'node:stream';
import { ChannelDialFailed } from '../channel/errors.js';
import type { Clock } from '../kit/clock.js';
import type { Host } from '../policy/egress/host.js';
import type { Denied } from '../policy/verdict.js';
import { OutsideFailure } from './failure.js';
import { timeUp, within } from './within.js';

/** A port of another session of the same caller, which lets this one connect to it. */
export interface Sibling {
  readonly verdict: 'allow';
  /** Which session it is, for the records. */
  readonly session: string;
  /** Inside that session, on 127.0.0.1. */
  readonly port: number;
  /** Half-open; rejects as `Channel.dial` does. Whoever gets it destroys it. */
  readonly connect: (signal: AbortSignal) => Promise<Duplex>;
}

/** Whom a name below `.internal` stands for, as seen from one session. Never rejects. */
export type FindSibling = (host: Host, port: number) => Promise<Sibling | Denied>;

const connectionRefused = 111;

/** OutsideFailure; an AbortError when the signal fires. What comes about too late is destroyed. */
export async function dialSibling(
  sibling: Sibling,
  { timeoutMs, clock }: { readonly timeoutMs: number; readonly clock: Clock },
  signal: AbortSignal,
): Promise<Duplex> {
  const over = new AbortController();
  const work = sibling.connect(AbortSignal.any([signal, over.signal]));
  try {
    const socket = await within(work, timeoutMs, clock, signal);
    if (socket !== timeUp) return socket;
  } catch (error) {
    signal.throwIfAborted();
    throw failureOf(sibling, error);
  } finally {
    over.abort();
    if (signal.aborted) work.then((late) => late.destroy()).catch(() => undefined);
  }
  work.then((late) => late.destroy()).catch(() => undefined);
  throw new OutsideFailure('timeout', `the port ${sibling.port} of the sibling was not answered in time`);
}

function failureOf({ port }: Sibling, error: unknown): OutsideFailure {
  if (error instanceof ChannelDialFailed && error.errno === connectionRefused)
    return new OutsideFailure('refused', `nothing listens on the port ${port} of the sibling yet`);
  return new OutsideFailure('unreachable', `the port ${port} of the sibling can not be reached`);
}
