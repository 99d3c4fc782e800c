import { PaddockError } from '../../core/errors.js';
import type { Clock } from '../../kit/clock.js';

export interface OpeningsOptions {
  readonly clock: Clock;
  /** How long whoever asks waits; absent: until it is open, however long that takes. */
  readonly waitMs?: number | undefined;
  /** How long what is open waits for whoever was told to ask again; default 2 min. */
  readonly keptMs?: number;
}

export interface OpeningWish {
  readonly signal: AbortSignal;
  /** Waits until it is open. */
  readonly isPatient?: boolean | undefined;
}

interface Entry {
  /** Ends its opening, and after that its waiting. */
  readonly stop: AbortController;
  waiting: number;
  /** Somebody was told to ask again. */
  isPromised: boolean;
  isTaken: boolean;
  /** Resolves, never rejects, when `outcome` is set. */
  settled: Promise<void>;
  outcome?: { readonly opened: AsyncDisposable } | { readonly error: unknown };
}

/** Each takes the room of all of it, in clear. */
const mostAtOnce = 4;

/**
 * Opens what is encrypted though nobody waits any more: a large layer takes longer than clients give one call. Whoever asks again takes it over; what
 * nobody asks for is closed again. Disposing ends and closes all that nobody has taken.
 */
export class Openings<Opened extends AsyncDisposable> implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #waitMs: number | undefined;
  readonly #keptMs: number;
  readonly #entries = new Map<string, Entry>();
  readonly #over = new Set<Promise<void>>();
  #isClosed = false;

  constructor({ clock, waitMs, keptMs = 120_000 }: OpeningsOptions) {
    this.#clock = clock;
    this.#waitMs = waitMs;
    this.#keptMs = keptMs;
  }

  /**
   * What `open` opens, which is the caller's alone from then on. `key`: what says which it is. Errors: LAYER_OPENING (it goes on), those of `open`, an
   * AbortError.
   */
  async take(
    key: string,
    { signal, isPatient = false }: OpeningWish,
    open: (signal: AbortSignal) => Promise<Opened>,
  ): Promise<Opened> {
    if (this.#waitMs === undefined || isPatient) return open(signal);
    const untilMs = this.#clock.monotonic() + this.#waitMs;
    for (;;) {
      const entry = this.#entries.get(key) ?? this.#begin(key, open);
      await this.#wait(key, entry, untilMs - this.#clock.monotonic(), signal);
      const { outcome } = entry;
      if (outcome === undefined) {
        entry.isPromised = true;
        throw opening('it is still being decrypted');
      }
      // Somebody else has, or nobody wanted it any more.
      if (entry.isTaken || entry.stop.signal.aborted) continue;
      entry.isTaken = true;
      this.#end(key, entry);
      if ('error' in outcome) throw outcome.error;
      return outcome.opened as Opened;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const [key, entry] of this.#entries) this.#end(key, entry);
    while (this.#over.size > 0) await Promise.all(this.#over);
  }

  #begin(key: string, open: (signal: AbortSignal) => Promise<Opened>): Entry {
    if (this.#isClosed) throw new PaddockError('INTERRUPTED', 'this process is about to end');
    if (this.#entries.size >= mostAtOnce) this.#dropOldest();
    const stop = new AbortController();
    const entry: Entry = { stop, waiting: 0, isPromised: false, isTaken: false, settled: Promise.resolve() };
    entry.settled = settle(entry, open(stop.signal));
    this.#entries.set(key, entry);
    const over = this.#expire(key, entry).finally(() => this.#over.delete(over));
    this.#over.add(over);
    return entry;
  }

  /** One that nobody has come for. Errors: LAYER_OPENING where all of them are still being opened, or waited for. */
  #dropOldest(): void {
    const found = [...this.#entries].find(([, { outcome, waiting }]) => outcome !== undefined && waiting === 0);
    if (found === undefined) throw opening(`${mostAtOnce} others are being decrypted first`);
    this.#end(...found);
  }

  /** Whoever asks from now on begins anew. */
  #end(key: string, entry: Entry): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    entry.stop.abort();
  }

  /** Closes it where nobody takes it in time. */
  async #expire(key: string, entry: Entry): Promise<void> {
    await entry.settled;
    if (!entry.stop.signal.aborted) await this.#clock.sleep(this.#keptMs, entry.stop.signal).catch(() => undefined);
    this.#end(key, entry);
    const { outcome, isTaken } = entry;
    if (isTaken || outcome === undefined || !('opened' in outcome)) return;
    try {
      await outcome.opened[Symbol.asyncDispose]();
    } catch {
      // What stays goes with the next prune.
    }
  }

  async #wait(key: string, entry: Entry, ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const timer = new AbortController();
    const onAbort = () => timer.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    entry.waiting += 1;
    try {
      await Promise.race([entry.settled, this.#clock.sleep(Math.max(0, ms), timer.signal).catch(() => undefined)]);
    } finally {
      entry.waiting -= 1;
      signal.removeEventListener('abort', onAbort);
      timer.abort();
    }
    if (!signal.aborted) return;
    // Nobody wants it any more.
    if (entry.waiting === 0 && !entry.isPromised) this.#end(key, entry);
    signal.throwIfAborted();
  }
}

async function settle(entry: Entry, opening: Promise<AsyncDisposable>): Promise<void> {
  entry.outcome = await opening.then(
    (opened) => ({ opened }),
    (error: unknown) => ({ error }),
  );
}

function opening(why: string): PaddockError {
  return new PaddockError('LAYER_OPENING', `what the session has changed is kept encrypted, and ${why}`);
}
