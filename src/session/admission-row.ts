import type { SessionError } from '../core/errors.js';
import type { AdmissionRules } from '../core/site-policy.js';
import type { Clock } from '../kit/clock.js';
import type { HostRoom } from './host-room.js';
import { merged, type Promised } from './promised.js';
import { type Asked, refusalOf } from './room-refusal.js';

export interface AdmissionParts {
  readonly rules: AdmissionRules;
  /** Sessions of one process. */
  readonly maxSessions: number;
  readonly cpuCount: number;
  readonly clock: Clock;
  /** What the living sessions of this process were promised. */
  readonly own: () => readonly Promised[];
  /** The same for those of the user's other processes, as their records have it. */
  readonly others: () => Promise<readonly Promised[]>;
  readonly room: () => HostRoom;
}

const lookEveryMs = 200;

/** Who has come first of one caller's, and is let in or refused next. */
interface Head {
  readonly asked: Asked;
  readonly signal: AbortSignal;
  isIn: boolean;
}

/** What one look judges everybody by. */
interface Seen extends Readonly<Record<'own' | 'reserved' | 'foreign', readonly Promised[]>> {
  readonly room: HostRoom;
}

/** Those of one caller who have come and are not in. */
interface Line {
  count: number;
  last: Promise<unknown>;
}

/**
 * Lets sessions in, and grow, while there is room for them; what finds none waits for a while. Each caller's are served as they came, and of several
 * callers' the one that has waited longest is looked at first. One that finds no room keeps no other caller's from what is enough for them: a key
 * that asks for more than there is would else stop everybody. Two processes that let something in within the same few milliseconds may both do so.
 */
export class AdmissionRow {
  readonly #parts: AdmissionParts;
  readonly #reserved = new Map<string, Promised>();
  readonly #lines = new Map<string | undefined, Line>();
  /** Longest waiting first. */
  readonly #heads = new Set<Head>();
  #look: Promise<unknown> = Promise.resolve();

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  /**
   * Reserves room for something of `caller`'s (a key; undefined: the user) until what is returned is called. Errors: LIMIT_REACHED with the rule and
   * the numbers, AbortError.
   */
  async admit(asked: Asked, caller: string | undefined, signal: AbortSignal): Promise<() => void> {
    const { clock, rules } = this.#parts;
    const line = this.#lines.get(caller) ?? { count: 0, last: Promise.resolve() };
    this.#lines.set(caller, line);
    const until = clock.monotonic() + (line.count < rules.waiting ? rules.waitMs : 0);
    line.count += 1;
    const admitted = line.last.catch(() => undefined).then(() => this.#wait(asked, until, signal));
    line.last = admitted;
    try {
      await admitted;
    } finally {
      line.count -= 1;
      if (line.count === 0) this.#lines.delete(caller);
    }
    return () => void this.#reserved.delete(asked.promised.id);
  }

  async #wait(asked: Asked, untilMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const head: Head = { asked, signal, isIn: false };
    this.#heads.add(head);
    try {
      for (;;) {
        signal.throwIfAborted();
        const refusal = await this.#alone(() => this.#letIn(head));
        if (refusal === undefined) return;
        if (clock.monotonic() >= untilMs) throw refusal;
        await clock.sleep(lookEveryMs, signal);
      }
    } catch (error) {
      // Somebody else's look may have let it in just before.
      if (head.isIn) this.#reserved.delete(asked.promised.id);
      throw error;
    } finally {
      this.#heads.delete(head);
    }
  }

  /** Of two looks at once both would find the same room. */
  async #alone<T>(look: () => Promise<T>): Promise<T> {
    const result = this.#look.catch(() => undefined).then(look);
    this.#look = result;
    return await result;
  }

  /** Lets in all those with room who have waited no shorter than `one`; why that one is not among them. */
  async #letIn(one: Head): Promise<SessionError | undefined> {
    if (one.isIn) return undefined;
    // Before the records are read: what is given back meanwhile may be in one that was read earlier, and would count nowhere.
    const reserved = [...this.#reserved.values()];
    const foreign = await this.#parts.others();
    // Once: it takes reading files and going over every session, and as many as wait look at as many.
    const seen: Seen = { own: this.#parts.own(), reserved, foreign, room: this.#parts.room() };
    for (const head of this.#heads) {
      if (head.isIn || (head.signal.aborted && head !== one)) continue;
      const refusal = this.#refusal(head.asked, seen);
      if (refusal === undefined) {
        const { promised } = head.asked;
        head.isIn = true;
        this.#reserved.set(promised.id, promised);
        reserved.push(promised);
      }
      if (head === one) return refusal;
    }
    return undefined;
  }

  #refusal(asked: Asked, { own, reserved, foreign, room }: Seen): SessionError | undefined {
    const { maxSessions, rules, cpuCount } = this.#parts;
    const isOther = ({ id }: Promised) => id !== asked.promised.id;
    const here = merged([...own, ...reserved]).filter(isOther);
    const all = [...merged([...here, ...foreign]).filter(isOther), asked.promised];
    return refusalOf({ rules, maxSessions, cpuCount, asked, here: here.length, all, room });
  }
}
