import type { Host } from '../policy/egress/host.js';
import { refuse } from '../policy/egress/refuse.js';
import type { Denied } from '../policy/verdict.js';
import { breakOff, carry } from './carry.js';
import type { Client, EgressContext } from './context.js';
import type { Passage, Target } from './door.js';
import { farewell } from './farewell.js';
import { type FirstBytes, judgeFirstBytes, peekFirstBytes } from './first-bytes.js';
import { answerText, denialAnswer } from './http-text.js';
import { NothingTaken } from './take.js';
import { timeUp, within } from './within.js';

/** A fatal alert of TLS (RFC 8446, 6.2), which every version reads. */
const accessDenied = Buffer.from([0x15, 3, 3, 0, 2, 2, 49]);

export interface Tunnel {
  readonly passage: Passage;
  /** Says that the tunnel is open. */
  readonly open: () => void;
  /** Serves the plain requests of a tunnel that may carry nothing else; resolves when the connection is closed. */
  readonly servePages: (client: Client, pin: { readonly host: Host; readonly port: number }) => Promise<void>;
}

/**
 * One tunnel from its dialling to its end. The outside is dialled before the client is told that the tunnel is open, and gets nothing before
 * what the client sends first has been judged. Rejects, with OutsideFailure, only before it is open.
 */
export async function runTunnel(client: Client, tunnel: Tunnel, context: EgressContext): Promise<void> {
  const { passage, open } = tunnel;
  const { connection, signal } = client;
  const outside = await context.door.dial(passage, signal);
  const stop = () => breakOff(outside);
  outside.on('error', () => undefined);
  signal.addEventListener('abort', stop, { once: true });
  try {
    open();
    const first = passage.schemes.includes('tcp') ? 'unseen' : await look(client, passage, context);
    if (first === 'refused') return;
    if (first === 'http') {
      // Requests are judged one by one, and each has a connection of its own.
      outside.destroy();
      await tunnel.servePages(client, passage.wish);
      return;
    }
    // From here on the client's end may be an orderly one, and what it sent last has yet to go.
    signal.removeEventListener('abort', stop);
    if ((await carry(connection, outside, { ...context, moved: client.moved })) === 'spent')
      refuseSpent(passage, context);
  } finally {
    signal.removeEventListener('abort', stop);
    breakOff(outside);
    if (!connection.destroyed) breakOff(connection);
  }
}

export function refuseSpent(passage: Passage, { door }: EgressContext): void {
  door.refuse(passage.target, refuse('egress.limit', 'the session has moved all the bytes it may'));
}

async function look(
  client: Client,
  { target, wish, schemes }: Passage,
  context: EgressContext,
): Promise<'tls' | 'http' | 'refused'> {
  const { connection, signal } = client;
  const { door, clock, times } = context;
  const over = new AbortController();
  const peeked = peekFirstBytes(connection, AbortSignal.any([signal, over.signal]));
  try {
    const first = await within(peeked, times.firstBytesMs, clock, signal);
    if (first === timeUp) {
      door.refuse(target, refuse('egress.protocol', 'nothing was sent that tells what the tunnel carries'));
      return 'refused';
    }
    const denied = judgeFirstBytes(first, wish.host, schemes);
    if (denied !== undefined) {
      door.refuse(target, denied);
      await farewell(client, lastWord(first, denied, target), context);
      return 'refused';
    }
    return first.kind === 'http' ? 'http' : 'tls';
  } catch (error) {
    if (error instanceof NothingTaken && error.why === 'too-long') {
      door.refuse(target, refuse('egress.protocol', 'the TLS hello does not end'));
    }
    return 'refused';
  } finally {
    over.abort();
    peeked.catch(() => undefined);
  }
}

/** In the language the client speaks. */
function lastWord(first: FirstBytes, denied: Denied, target: Target): string | Buffer {
  if (first.kind === 'tls') return accessDenied;
  return first.kind === 'http' ? answerText(denialAnswer(denied, target)) : Buffer.alloc(0);
}
