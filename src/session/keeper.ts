import { SessionError } from '../core/errors.js';
import { isSessionId, type SessionId } from '../core/ids.js';
import type { Clock } from '../kit/clock.js';
import { Disposables } from '../kit/disposables.js';
import { claim } from './control/claim.js';
import { type HolderMessage, keeperMessage, parseMessage, toErrorMessage } from './control/messages.js';
import { listenAt } from './control/socket.js';
import { ControlWire, frameKinds } from './control/wire.js';
import type { Session } from './session.js';

export interface KeeperOptions {
  /** Where it is asked to hold sessions. */
  readonly path: string;
  /** Takes a session over, with its channel and its control socket. */
  readonly adopt: (id: SessionId) => Promise<Session>;
  readonly clock: Clock;
}

const lookEveryMs = 500;
const idleMs = 5000;

/**
 * Holds the channels of detached sessions, so that any number of commands from any number of processes can run in them. One per
 * user; it starts when a detached session is first used, and ends when it has held none for five seconds. When it is killed
 * the sessions run on, and the next one takes them over.
 */
export class Keeper {
  readonly #options: KeeperOptions;
  readonly #held = new Map<SessionId, Promise<Session>>();

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Serves until nothing is held any more or the signal fires. Errors: SESSION_NOT_YOURS when another keeper lives. */
  async run(signal: AbortSignal): Promise<void> {
    const { path, clock } = this.#options;
    await using claimed = await claim(path);
    await using closing = new Disposables();
    closing.use(await listenAt(claimed, (socket) => this.#visit(new ControlWire(socket))));
    let idleSince = clock.monotonic();
    while (!signal.aborted && clock.monotonic() - idleSince < idleMs) {
      await clock.sleep(lookEveryMs, signal).catch(() => undefined);
      await this.#dropEnded();
      if (this.#held.size > 0) idleSince = clock.monotonic();
    }
    await Promise.allSettled([...this.#held.values()].map(async (session) => (await session).letGo()));
  }

  #visit(wire: ControlWire): void {
    wire.listen(
      ({ kind, payload }) => {
        const message = kind === frameKinds.json ? parseMessage(keeperMessage, payload) : undefined;
        if (message === undefined) wire.destroy();
        else void this.#answer(wire, message.sessionId);
      },
      () => undefined,
    );
  }

  async #answer(wire: ControlWire, sessionId: string): Promise<void> {
    await wire.sendJson(await this.#hold(sessionId));
    wire.close();
  }

  async #hold(sessionId: string): Promise<HolderMessage> {
    try {
      if (!isSessionId(sessionId)) throw new SessionError('NO_SUCH_SESSION', 'that is no id of a session');
      await this.#session(sessionId);
      return { say: 'held' };
    } catch (thrown) {
      return toErrorMessage(thrown);
    }
  }

  /** One take-over at a time for each session. */
  #session(id: SessionId): Promise<Session> {
    const held = this.#held.get(id);
    if (held !== undefined) return held;
    const taking = this.#options.adopt(id);
    this.#held.set(id, taking);
    taking.catch(() => this.#held.delete(id));
    return taking;
  }

  async #dropEnded(): Promise<void> {
    for (const [id, taking] of this.#held) {
      const session = await taking.catch(() => undefined);
      // One whose channel broke is let go as well: the next visitor has it taken over anew.
      if (session === undefined || (session.sandbox.alive && session.sandbox.endedBecause === undefined)) continue;
      await session.letGo().catch(() => undefined);
      this.#held.delete(id);
    }
  }
}
