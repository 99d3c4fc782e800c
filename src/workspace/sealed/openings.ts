import { PaddockError } from '../../core/errors.js';
import type { Clock } from '../../kit/clock.js';
import { deferred } from '../../kit/deferred.js';
import { isDoneWithin } from '../../kit/done-within.js';
import { type Entry, newEntry, noPlaceYet, type Openable, type Outcome, stillOpening } from './opening-entry.js';

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

/** Each takes the room of all of it, in clear. */
const mostAtOnce = 4;
/** With those whose callers wait for another beside it: where all that are begun are others' halves, one of each comparison can still be kept. */
const mostWithPutBack = 2 * mostAtOnce;
/** Who was told to ask again finds it for that long whoever else comes, and hears for that long why it failed: the cause may be gone by then. */
const promisedMs = 30_000;
/** How soon it is seen that what is kept open was removed: by this process, or another. */
const lookEveryMs = 5000;

/**
 * Opens what is encrypted though nobody waits any more: a large layer takes longer than clients give one call. Whoever asks again takes it over; what
 * nobody asks for is closed again. Disposing ends and closes all that nobody has taken.
 */
export class Openings<Opened extends Openable> implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #waitMs: number | undefined;
  readonly #keptMs: number;
  readonly #entries = new Map<string, Entry>();
  readonly #over = new Set<Promise<void>>();
  /** Resolved when there may be a place for one more. */
  #changed = deferred<undefined>();
  #isClosed = false;

  constructor({ clock, waitMs, keptMs = 120_000 }: OpeningsOptions) {
    this.#clock = clock;
    this.#waitMs = waitMs;
    this.#keptMs = keptMs;
  }

  /**
   * What `open` opens, which is the caller's alone from then on. `key`: what says which it is. Errors: LAYER_OPENING (it goes on, or waits for a place),
   * those of `open`, INTERRUPTED, an AbortError.
   */
  async take(
    key: string,
    { signal, isPatient = false }: OpeningWish,
    open: (signal: AbortSignal) => Promise<Opened>,
  ): Promise<Opened> {
    if (this.#waitMs === undefined || isPatient) return open(signal);
    const untilMs = this.#clock.monotonic() + this.#waitMs;
    for (;;) {
      const entry = this.#entries.get(key) ?? this.#begun(key, open);
      if (entry === undefined) {
        await this.#untilChanged(untilMs, signal);
        continue;
      }
      await this.#wait(key, entry, untilMs, signal);
      const outcome = this.#outcomeFor(key, entry);
      if (outcome === undefined) continue;
      if ('error' in outcome) throw outcome.error;
      return outcome.opened as Opened;
    }
  }

  /** Gives back what was taken, for who asks again: its taker has to wait for something else first. What can't be kept is closed. */
  async putBack(key: string, opened: Opened): Promise<void> {
    const there = this.#entries.get(key);
    const isThere = there?.outcome !== undefined && 'opened' in there.outcome;
    if (this.#waitMs === undefined || this.#isClosed || isThere || !this.#hasRoom(key, mostWithPutBack))
      return opened[Symbol.asyncDispose]();
    // Whoever waits for that one finds this one, which is there.
    if (there !== undefined) this.#end(key, there);
    const entry = newEntry();
    entry.isPromised = true;
    this.#settle(entry, { opened });
    this.#keep(key, entry);
  }

  /** From now on none is begun, and none kept that nobody waits for: for a process that is about to end. */
  close(): void {
    this.#isClosed = true;
    for (const [key, entry] of this.#entries) if (entry.waiting === 0) this.#end(key, entry);
    this.#change();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    for (const [key, entry] of this.#entries) this.#end(key, entry);
    while (this.#over.size > 0) await Promise.all(this.#over);
  }

  /** Undefined where there is no place for it. */
  #begun(key: string, open: (signal: AbortSignal) => Promise<Opened>): Entry | undefined {
    if (this.#isClosed) throw new PaddockError('INTERRUPTED', 'this process is about to end');
    if (!this.#hasRoom(key, mostAtOnce)) return undefined;
    const entry = newEntry();
    entry.settled = open(entry.stop.signal).then(
      (opened) => this.#settle(entry, { opened }),
      (error: unknown) => this.#settle(entry, { error }),
    );
    this.#keep(key, entry);
    return entry;
  }

  #settle(entry: Entry, outcome: Outcome): void {
    entry.outcome = outcome;
    entry.settledMs = this.#clock.monotonic();
  }

  #keep(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    const over = this.#expire(key, entry).finally(() => this.#over.delete(over));
    this.#over.add(over);
  }

  /** Whether it would be one of `most` in clear, after those have gone that nobody has come for in time, where it takes that. */
  #hasRoom(key: string, most: number): boolean {
    const others = [...this.#entries].filter(([other]) => other !== key);
    const inClear = others.filter(([, { outcome }]) => outcome === undefined || 'opened' in outcome);
    const tooMany = Math.max(0, inClear.length - most + 1);
    const mayGo = inClear.filter(([, entry]) => this.#mayGoMs(entry) <= this.#clock.monotonic());
    if (mayGo.length < tooMany) return false;
    for (const found of mayGo.slice(0, tooMany)) this.#end(...found);
    return true;
  }

  /** From when on it makes room for another. */
  #mayGoMs({ outcome, waiting, isPromised, settledMs }: Entry): number {
    if (outcome === undefined || waiting > 0) return Number.POSITIVE_INFINITY;
    return isPromised ? settledMs + promisedMs : settledMs;
  }

  /** What has become of it, which is the caller's then; undefined where it is somebody else's. Errors: LAYER_OPENING. */
  #outcomeFor(key: string, entry: Entry): Outcome | undefined {
    const { outcome } = entry;
    if (outcome === undefined) {
      entry.isPromised = true;
      if (this.#isClosed) this.#end(key, entry);
      throw stillOpening();
    }
    // Nobody wanted it any more.
    if (!entry.isTaken && entry.stop.signal.aborted) return undefined;
    // Why it failed holds for all that wait for it: each would find the same.
    if (entry.isTaken && 'opened' in outcome) return undefined;
    entry.isTaken = true;
    this.#end(key, entry);
    return outcome;
  }

  /** Whoever asks from now on begins anew. */
  #end(key: string, entry: Entry): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    entry.stop.abort();
    this.#change();
  }

  #change(): void {
    this.#changed.resolve(undefined);
    this.#changed = deferred();
  }

  /** Closes it where nobody takes it in time. */
  async #expire(key: string, entry: Entry): Promise<void> {
    await entry.settled;
    this.#change();
    await this.#untilUnwanted(entry);
    this.#end(key, entry);
    const { outcome, isTaken } = entry;
    if (isTaken || outcome === undefined || !('opened' in outcome)) return;
    try {
      await outcome.opened[Symbol.asyncDispose]();
    } catch {
      // What stays goes with the next prune.
    }
  }

  /** Until it is taken or dropped, its time is over, or what it was opened from has gone. */
  async #untilUnwanted({ stop, outcome, settledMs }: Entry): Promise<void> {
    const isOpened = outcome !== undefined && 'opened' in outcome;
    const untilMs = settledMs + (isOpened ? this.#keptMs : promisedMs);
    const leftMs = () => (stop.signal.aborted ? 0 : untilMs - this.#clock.monotonic());
    while (leftMs() > 0) {
      if (isOpened && (await outcome.opened.isThere?.()) === false) return;
      if (leftMs() <= 0) return;
      await this.#clock.sleep(Math.min(leftMs(), lookEveryMs), stop.signal).catch(() => undefined);
    }
  }

  async #wait(key: string, entry: Entry, untilMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    entry.waiting += 1;
    try {
      await isDoneWithin(entry.settled, untilMs - this.#clock.monotonic(), this.#clock, signal);
    } finally {
      entry.waiting -= 1;
      this.#change();
    }
    if (!signal.aborted) return;
    // Nobody wants it any more.
    if (entry.waiting === 0 && !entry.isPromised) this.#end(key, entry);
    signal.throwIfAborted();
  }

  /** Until there may be a place. Errors: LAYER_OPENING where that takes too long, an AbortError. */
  async #untilChanged(untilMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const nowMs = this.#clock.monotonic();
    if (nowMs >= untilMs) throw noPlaceYet(mostAtOnce);
    const laterMs = [...this.#entries.values()].map((entry) => this.#mayGoMs(entry)).filter((atMs) => atMs > nowMs);
    const nextMs = Math.min(untilMs, ...laterMs);
    await isDoneWithin(this.#changed.promise, nextMs - nowMs, this.#clock, signal);
    signal.throwIfAborted();
  }
}
