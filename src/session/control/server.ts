import type { Socket } from 'node:net';
import { version } from '../../core/version.js';
import type { Claim } from './claim.js';
import type { ControlOptions } from './control-options.js';
import { listenAt } from './socket.js';
import { Visitor } from './visitor.js';

/** How the audit log calls those who come in over a control socket. */
export const visitor = { client: { name: 'paddock exec', version } } as const;

/**
 * Lets other processes of the same user into a session that this one holds: commands with or without a terminal, and what
 * runs there. Disposing it ends their connections: where the sandbox has ended they hear that first, else their commands run on.
 * Errors: STATE_UNWRITABLE.
 */
export async function serveControl(claim: Claim, options: ControlOptions): Promise<AsyncDisposable> {
  const visitors = new Set<Visitor>();
  const listener = await listenAt(claim, (socket: Socket) => {
    const one = new Visitor(options, socket, () => visitors.delete(one));
    visitors.add(one);
  });
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all([...visitors].map((one) => one.showOut()));
      await listener[Symbol.asyncDispose]();
    },
  };
}
