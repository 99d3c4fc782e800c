import type { Clock } from '../../kit/clock.js';
import { safeLine } from '../../kit/safe-text.js';
import type { AlarmKind, AlarmSink } from './alarm.js';

export interface BurstOptions {
  readonly kind: AlarmKind;
  /** So many within this time are alarming. */
  readonly count: number;
  readonly withinMs: number;
  /** What happened, in the past tense, before and after how often: `policy refused`, `calls`. */
  readonly words: readonly [string, string];
  readonly sink: AlarmSink;
  readonly clock: Clock;
}

/** Who had it happen: a key, or a session. */
export interface Culprit {
  readonly id: string;
  /** As people know it: `key ci`. */
  readonly name: string;
}

export function sessionAsCulprit(id: string): Culprit {
  return { id, name: `session ${id}` };
}

/** There are fewer keys and sessions; what is dropped is counted among all still. */
const mostCulprits = 1000;
const mostNameChars = 80;

/**
 * Raises an alarm when one thing happens often: of each who is known by themselves, and of all together. Told again of whoever it is once less
 * than half as much has happened within the time: one that goes on slowly would hide itself otherwise, and everybody else.
 */
export class Burst {
  readonly #options: BurstOptions;
  readonly #all: Often;
  readonly #by = new Map<string, Often>();

  constructor(options: BurstOptions) {
    this.#options = options;
    this.#all = new Often(options);
  }

  add(by?: Culprit): void {
    const nowMs = this.#options.clock.monotonic();
    // Both are counted, and told once where it is the same.
    const isOftenOfAll = this.#all.add(nowMs);
    if (by !== undefined && this.#of(by.id, nowMs).add(nowMs)) this.#raise(`, by ${safeLine(by.name, mostNameChars)}`);
    else if (isOftenOfAll) this.#raise('');
  }

  #of(id: string, nowMs: number): Often {
    const known = this.#by.get(id);
    if (known !== undefined) return known;
    for (const [one, often] of this.#by) if (often.isOver(nowMs)) this.#by.delete(one);
    const [oldest] = this.#by.keys();
    if (this.#by.size >= mostCulprits && oldest !== undefined) this.#by.delete(oldest);
    const often = new Often(this.#options);
    this.#by.set(id, often);
    return often;
  }

  #raise(byWhom: string): void {
    const { kind, count, withinMs, words, sink } = this.#options;
    const text = `${words[0]} ${count} ${words[1]} within ${Math.round(withinMs / 1000)} s${byWhom}`;
    // That it is in force of another hides nothing.
    sink.clear(kind);
    sink.raise({ kind, level: 'warning', text, values: { denials: count } });
  }
}

/** How often it happened of late. */
class Often {
  readonly #count: number;
  readonly #withinMs: number;
  #times: readonly number[] = [];
  #isTold = false;

  constructor({ count, withinMs }: Pick<BurstOptions, 'count' | 'withinMs'>) {
    this.#count = count;
    this.#withinMs = withinMs;
  }

  /** Whether that is to be told now. */
  add(nowMs: number): boolean {
    const recent = this.#recent(nowMs);
    if (recent.length < this.#count / 2) this.#isTold = false;
    this.#times = [...recent, nowMs].slice(-this.#count);
    if (this.#isTold || this.#times.length < this.#count) return false;
    this.#isTold = true;
    return true;
  }

  isOver(nowMs: number): boolean {
    return this.#recent(nowMs).length === 0;
  }

  #recent(nowMs: number): readonly number[] {
    return this.#times.filter((atMs) => nowMs - atMs < this.#withinMs);
  }
}
