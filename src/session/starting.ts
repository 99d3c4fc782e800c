import { type PaddockError, SessionError, toPaddockError } from '../core/errors.js';
import type { SessionId } from '../core/ids.js';
import { formatBytes } from '../core/units.js';
import type { Clock } from '../kit/clock.js';
import type { CopyOptions } from '../workspace/copy-layer.js';
import type { Session } from './session.js';
import { waitFor } from './session-command.js';

/** Of those that could not be made when nobody waited any more; the oldest are forgotten. */
const mostFailures = 16;

type SoFar = Parameters<NonNullable<CopyOptions['onProgress']>>[0];

/** What whoever makes a session is given. */
export interface Making {
  readonly signal: AbortSignal;
  readonly onProgress: (soFar: SoFar) => void;
}

export interface Waiting {
  readonly waitMs: number;
  /** Ends the making as long as that is waited for. */
  readonly signal: AbortSignal;
  readonly onProgress?: CopyOptions['onProgress'];
}

/** One that is being made, or could not be when nobody waited any more, as a list shows it. */
export interface StartingSession {
  readonly id: SessionId;
  readonly soFar: SoFar;
  /** Why there is none. */
  readonly error?: PaddockError;
}

interface Entry {
  readonly stop: AbortController;
  soFar: SoFar;
  /** Resolves, never rejects, when `outcome` is set. */
  settled: Promise<void>;
  outcome?: { readonly session: Session } | { readonly error: PaddockError };
}

/**
 * Sessions that are being made, also those for which nobody waits any more: where a project, or what a session begins with, has to be copied, that takes
 * minutes, and no client waits so long for one call.
 */
export class Starting {
  readonly #clock: Clock;
  readonly #entries = new Map<SessionId, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Oldest first. */
  get list(): readonly StartingSession[] {
    return [...this.#entries].flatMap(([id, { soFar, outcome }]) => {
      if (outcome === undefined) return [{ id, soFar }];
      return 'error' in outcome ? [{ id, soFar, error: outcome.error }] : [];
    });
  }

  /** The session, where it is made in time. Errors: SESSION_STARTING (the making goes on), those of `make`. */
  async within(
    id: SessionId,
    { waitMs, signal, onProgress }: Waiting,
    make: (making: Making) => Promise<Session>,
  ): Promise<Session> {
    let tell = onProgress;
    const entry: Entry = { stop: new AbortController(), soFar: { entries: 0, bytes: 0 }, settled: Promise.resolve() };
    const made = make({
      signal: entry.stop.signal,
      onProgress: (soFar) => {
        entry.soFar = soFar;
        tell?.(soFar);
      },
    });
    entry.settled = settle(entry, made);
    this.#entries.set(id, entry);
    const isOver = await waitFor(entry, this.#clock, waitMs, signal);
    // What is said of a call that is over is for nobody.
    tell = undefined;
    if (!isOver && signal.aborted) entry.stop.abort(signal.reason);
    if (isOver || signal.aborted) {
      // Whoever called is told.
      return await made.finally(() => this.#entries.delete(id));
    }
    this.#keep(id, entry);
    throw starting(id, entry);
  }

  /** Errors: SESSION_STARTING where that one is still being made, and why it could not be. */
  refuse(id: string): void {
    const entry = this.#entries.get(id as SessionId);
    if (entry === undefined) return;
    const { outcome } = entry;
    if (outcome === undefined) throw starting(id, entry);
    if ('error' in outcome) throw outcome.error;
  }

  /** Ends the making of that one, and waits until nothing is left of it; false: it is not being made. */
  async stop(id: string): Promise<boolean> {
    const entry = this.#entries.get(id as SessionId);
    if (entry === undefined) return false;
    const isMade = entry.outcome !== undefined;
    entry.stop.abort();
    await entry.settled;
    this.#entries.delete(id as SessionId);
    return !isMade;
  }

  #keep(id: SessionId, entry: Entry): void {
    void entry.settled.then(() => {
      if (entry.outcome !== undefined && 'session' in entry.outcome) this.#entries.delete(id);
      const failed = [...this.#entries].filter(([, { outcome }]) => outcome !== undefined);
      for (const [old] of failed.slice(0, Math.max(0, failed.length - mostFailures))) this.#entries.delete(old);
    });
  }
}

async function settle(entry: Entry, made: Promise<Session>): Promise<void> {
  entry.outcome = await made.then(
    (session) => ({ session }),
    (error: unknown) => ({ error: toPaddockError(error) }),
  );
}

function starting(id: string, { soFar }: Entry): SessionError {
  const far = soFar.entries === 0 ? '' : `: ${soFar.entries} entries, ${formatBytes(soFar.bytes)} so far`;
  return new SessionError('SESSION_STARTING', `session ${id} is still being made${far}`, { info: { sessionId: id } });
}
