import { once } from 'node:events';
import type { Client, EgressContext } from './context.js';
import { within } from './within.js';

/** Says a last thing, leaves the client a moment to read it, and closes. What the client still sends is dropped. */
export async function farewell(
  { connection, signal }: Client,
  last: string | Buffer | undefined,
  { clock, times }: Pick<EgressContext, 'clock' | 'times'>,
): Promise<void> {
  if (connection.destroyed) return;
  const closed = once(connection, 'close', { signal });
  closed.catch(() => undefined);
  if (!connection.writableEnded) connection.end(last);
  connection.resume();
  // However slowly it is read; the moment begins when all of it has gone.
  if (!connection.writableFinished) {
    await Promise.race([closed, once(connection, 'finish', { signal })]).catch(() => undefined);
  }
  await within(closed, times.lingerMs, clock, signal).catch(() => undefined);
  connection.destroy();
}
