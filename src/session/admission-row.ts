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

/**
 * Lets sessions in, and grow, while there is room for them, first come first served; what finds none waits for a while. Two processes
 * that do so within the same few milliseconds may both be let in.
 */
export class AdmissionRow {
  readonly #parts: AdmissionParts;
  readonly #reserved = new Map<string, Promised>();
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  /** Reserves room until what is returned is called. Errors: LIMIT_REACHED with the rule and the numbers, AbortError. */
  async admit(asked: Asked, signal: AbortSignal): Promise<() => void> {
    const { clock, rules } = this.#parts;
    const until = clock.monotonic() + (this.#waiting < rules.waiting ? rules.waitMs : 0);
    this.#waiting += 1;
    const before = this.#last;
    const admitted = before.catch(() => undefined).then(() => this.#wait(asked, until, signal));
    this.#last = admitted;
    try {
      await admitted;
    } finally {
      this.#waiting -= 1;
    }
    return () => void this.#reserved.delete(asked.promised.id);
  }

  async #wait(asked: Asked, untilMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    for (;;) {
      signal.throwIfAborted();
      const refusal = await this.#refusal(asked);
      if (refusal === undefined) {
        this.#reserved.set(asked.promised.id, asked.promised);
        return;
      }
      if (clock.monotonic() >= untilMs) throw refusal;
      await clock.sleep(lookEveryMs, signal);
    }
  }

  async #refusal(asked: Asked): Promise<SessionError | undefined> {
    const { maxSessions, rules, cpuCount, room, own, others } = this.#parts;
    // Before the records are read: what is given back meanwhile may be in one that was read earlier, and would count nowhere.
    const reserved = [...this.#reserved.values()];
    const foreign = await others();
    const isOther = ({ id }: Promised) => id !== asked.promised.id;
    const here = merged([...own(), ...reserved]).filter(isOther);
    const all = [...merged([...here, ...foreign]).filter(isOther), asked.promised];
    return refusalOf({ rules, maxSessions, cpuCount, asked, here: here.length, all, room: room() });
  }
}
