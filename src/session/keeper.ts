import { SessionError } from '../core/errors.js';
import { isSessionId, type SessionId } from '../core/ids.js';
import type { Clock } from '../kit/clock.js';
import { Disposables } from '../kit/disposables.js';
import { claim } from './control/claim.js';
import { type HolderMessage, keeperMessage, parseMessage, toErrorMessage } from './control/messages.js';
import { foreignQuestion, wordOf } from './control/other-version.js';
import { listenAt } from './control/socket.js';
import { ControlWire, frameKinds } from './control/wire.js';
import type { Session } from './session.js';

export interface KeeperOptions {
  /** Where it is asked to hold sessions. */
  readonly path: string;
  /** Takes a session over, with its channel and its control socket; gives up when the signal fires. */
  readonly adopt: (id: SessionId, signal: AbortSignal) => Promise<Session>;
  readonly clock: Clock;
}

interface Held {
  readonly taking: Promise<Session>;
  /** When it has been taken over. */
  session?: Session;
  /** When it is being let go. */
  leaving?: Promise<void>;
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
  readonly #held = new Map<SessionId, Held>();
  readonly #ending = new AbortController();

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Those that are held by now. */
  get sessions(): readonly Session[] {
    return [...this.#held.values()].flatMap(({ session }) => session ?? []);
  }

  /** Serves until nothing is held any more or the signal fires; `whileOnly` is opened once it is the one keeper, and ends before it is that no more. Errors: SESSION_NOT_YOURS when another lives. */
  async run(signal: AbortSignal, whileOnly?: () => AsyncDisposable): Promise<void> {
    const { path, clock } = this.#options;
    await using claimed = await claim(path);
    await using closing = new Disposables();
    closing.use(await listenAt(claimed, (socket) => this.#visit(new ControlWire(socket))));
    if (whileOnly !== undefined) closing.use(whileOnly());
    let idleSince = clock.monotonic();
    while (!signal.aborted && clock.monotonic() - idleSince < idleMs) {
      await clock.sleep(lookEveryMs, signal).catch(() => undefined);
      this.#dropEnded();
      if (this.#held.size > 0) idleSince = clock.monotonic();
    }
    this.#ending.abort();
    await Promise.all([...this.#held].map(([id, held]) => this.#letGo(id, held)));
  }

  #visit(wire: ControlWire): void {
    wire.listen(
      ({ kind, payload }) => {
        const message = kind === frameKinds.json ? parseMessage(keeperMessage, payload) : undefined;
        const word = message === undefined && kind === frameKinds.json ? wordOf(payload) : undefined;
        if (message !== undefined) void this.#answer(wire, () => this.#hold(message.sessionId));
        else if (word === undefined) wire.destroy();
        else void this.#answer(wire, () => Promise.resolve(toErrorMessage(foreignQuestion(word))));
      },
      () => undefined,
    );
  }

  async #answer(wire: ControlWire, answer: () => Promise<HolderMessage>): Promise<void> {
    await wire.sendJson(await answer());
    wire.close();
  }

  async #hold(sessionId: string): Promise<HolderMessage> {
    try {
      if (!isSessionId(sessionId)) throw new SessionError('NO_SUCH_SESSION', 'that is no id of a session');
      await this.#session(sessionId);
      return { say: 'held' };
    } catch (thrown) {
      return toErrorMessage(this.#ending.signal.aborted ? endingError(thrown) : thrown);
    }
  }

  /** One take-over at a time for each session. */
  async #session(id: SessionId): Promise<Session> {
    await this.#held.get(id)?.leaving;
    if (this.#ending.signal.aborted) throw endingError();
    const present = this.#held.get(id);
    if (present !== undefined) return present.taking;
    const held: Held = { taking: this.#options.adopt(id, this.#ending.signal) };
    this.#held.set(id, held);
    try {
      held.session = await held.taking;
      return held.session;
    } catch (thrown) {
      this.#held.delete(id);
      throw thrown;
    }
  }

  /** Waits for none of them: a session that is slow to take over, or to let go, is no other's business. */
  #dropEnded(): void {
    for (const [id, held] of this.#held) {
      const { session } = held;
      // One whose channel broke is let go as well: the next visitor has it taken over anew.
      if (session === undefined || (session.sandbox.alive && session.sandbox.endedBecause === undefined)) continue;
      void this.#letGo(id, held);
    }
  }

  #letGo(id: SessionId, held: Held): Promise<void> {
    held.leaving ??= held.taking
      .then((session) => session.letGo())
      .catch(() => undefined)
      .then(() => void this.#held.delete(id));
    return held.leaving;
  }
}

/** Whoever asks tries again, and starts the next keeper. */
function endingError(cause?: unknown): SessionError {
  return new SessionError('SESSION_NOT_YOURS', 'the process that holds detached sessions is just ending', { cause });
}
