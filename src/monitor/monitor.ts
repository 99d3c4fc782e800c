import type { Clock } from '../kit/clock.js';
import { CpuFloor } from './cpu-floor.js';
import type { Reading } from './reading.js';
import { TrendRing, type Trends } from './trend-ring.js';
import type { UsageReader, UsageTarget } from './usage-reader.js';

/** A reading with its time, and what takes two readings to know. */
export interface Sample extends Reading {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** CPU time since the sample before, in thousandths of a core; absent in a first one. */
  readonly cpuMillis?: number;
}

export interface WatchedSandbox extends UsageTarget {
  readonly id: string;
  /** Whether commands run in it. */
  isBusy(): boolean;
}

export interface SandboxUsage {
  readonly usage: Sample;
  readonly trends: Trends;
}

/** Calls back every so often until the returned function is called; does not keep the process alive. */
export type Repeat = (everyMs: number, call: () => void) => () => void;

export interface MonitorOptions {
  readonly clock: Clock;
  readonly reader: Pick<UsageReader, 'readAll'>;
  readonly onSample?: (id: string, sample: Sample) => void;
  /** Default: a timer of Node's. */
  readonly repeat?: Repeat;
}

interface Entry {
  readonly target: WatchedSandbox;
  readonly ring: TrendRing;
  readonly floor: CpuFloor;
  last: { readonly sample: Sample; readonly monotonicMs: number } | undefined;
  lookedAtMs: number;
}

const everyMs = 1000;
/** An idle sandbox that nobody looks at is read at every tenth turn: all such at the same one, by one walk over /proc. */
const idleTurns = 10;
/** Whoever has looked will look again. */
const attentionMs = 30_000;
/** A sample that is not older than this is good enough for whoever looks. */
const freshMs = 900;

/**
 * Samples what sandboxes use, once a second while commands run in them or somebody looks, else every ten seconds. One
 * timer for all, which stands still while there are none. No engine is asked.
 */
export class Monitor {
  readonly #options: MonitorOptions;
  readonly #repeat: Repeat;
  readonly #entries = new Map<string, Entry>();
  #stop: (() => void) | undefined;
  #turn = 0;

  constructor(options: MonitorOptions) {
    this.#options = options;
    this.#repeat = options.repeat ?? repeatUnreferenced;
  }

  /** Watches it until what is returned is disposed. */
  watch(target: WatchedSandbox): AsyncDisposable {
    const lookedAtMs = Number.NEGATIVE_INFINITY;
    const entry: Entry = { target, ring: new TrendRing(), floor: new CpuFloor(), last: undefined, lookedAtMs };
    this.#entries.set(target.id, entry);
    this.#stop ??= this.#repeat(everyMs, () => this.#takeTurn());
    return {
      [Symbol.asyncDispose]: () => {
        if (this.#entries.get(target.id) === entry) this.#entries.delete(target.id);
        if (this.#entries.size === 0) {
          this.#stop?.();
          this.#stop = undefined;
        }
        return Promise.resolve();
      },
    };
  }

  /** What a watched sandbox uses now, read anew unless that was just done; undefined when it can't be read. */
  usageOf(id: string): SandboxUsage | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    const nowMs = this.#options.clock.monotonic();
    entry.lookedAtMs = nowMs;
    if (entry.last === undefined || nowMs - entry.last.monotonicMs > freshMs) this.#sample([entry]);
    if (entry.last === undefined) return undefined;
    return { usage: entry.last.sample, trends: entry.ring.trends(nowMs) };
  }

  #takeTurn(): void {
    this.#turn = (this.#turn + 1) % idleTurns;
    const nowMs = this.#options.clock.monotonic();
    const isDue = ({ last, lookedAtMs, target }: Entry) =>
      this.#turn === 0 || last === undefined || nowMs - lookedAtMs < attentionMs || target.isBusy();
    try {
      this.#sample([...this.#entries.values()].filter(isDue));
    } catch {
      // No descriptor left to look with, say: nobody waits for this turn, and the next one looks again.
    }
  }

  #sample(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const { clock, reader } = this.#options;
    const readings = reader.readAll(entries.map(({ target }) => target));
    const [atMs, monotonicMs] = [clock.now(), clock.monotonic()];
    for (const entry of entries) {
      const read = readings.get(entry.target);
      if (read === undefined) {
        entry.last = undefined;
        continue;
      }
      const reading = entry.floor.raise(read);
      const { last } = entry;
      const cpuMillis = last === undefined ? undefined : cpuRate(last.sample, reading, monotonicMs - last.monotonicMs);
      const sample = { ...reading, atMs, ...(cpuMillis === undefined ? {} : { cpuMillis }) };
      entry.last = { sample, monotonicMs };
      entry.ring.add(monotonicMs, sample);
      this.#options.onSample?.(entry.target.id, sample);
    }
  }
}

/**
 * Thousandths of a core between two readings. Undefined when they do not come from the same place. The sum of processes
 * can go down, where something ended that nobody waited for; that counts as nothing.
 */
export function cpuRate(before: Reading, after: Reading, elapsedMs: number): number | undefined {
  if (before.cpuUs === undefined || after.cpuUs === undefined || elapsedMs <= 0) return undefined;
  if (before.sources.cpu !== after.sources.cpu) return undefined;
  return Math.max(0, Math.round((after.cpuUs - before.cpuUs) / elapsedMs));
}

function repeatUnreferenced(periodMs: number, call: () => void): () => void {
  const timer = setInterval(call, periodMs);
  timer.unref();
  return () => clearInterval(timer);
}
