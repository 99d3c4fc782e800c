import { known } from '../kit/known.js';
import type { Reading, UsageSource } from './reading.js';

type Totals = 'cpuUs' | 'userUs' | 'systemUs';

/**
 * Keeps the totals of one sandbox's processor time from going down: a counter that goes down is read as one that began anew, and all that came before
 * would be counted twice. What a sum of processes misses because one ended while /proc was walked is back by the next reading. What is below for two
 * is lost (a process that nobody waits for takes its time along), and counting goes on from there: or programs that end so would have used
 * nothing any more until they had used as much once again. The same where another source, which does not count alike, takes over.
 */
export class CpuFloor {
  readonly #totals: Readonly<Record<Totals, Rising>> = {
    ...{ cpuUs: new Rising(), userUs: new Rising(), systemUs: new Rising() },
  };

  /** The same reading, with no total below what was said before. What it does not know stays unknown. */
  raise(reading: Reading): Reading {
    const risen = (what: Totals) => {
      const total = reading[what];
      return total === undefined ? undefined : this.#totals[what].next(total, reading.sources.cpu);
    };
    return { ...reading, ...known({ cpuUs: risen('cpuUs'), userUs: risen('userUs'), systemUs: risen('systemUs') }) };
  }
}

/** One total, from what is read of it. */
class Rising {
  /** What was lost of it. */
  #lost = 0;
  #highest = 0;
  #isBelow = false;
  #source: UsageSource | undefined;

  next(read: number, source: UsageSource | undefined): number {
    if (source !== this.#source) {
      this.#source = source;
      this.#goOnFrom(read);
    } else if (read + this.#lost >= this.#highest) {
      this.#isBelow = false;
    } else if (this.#isBelow) {
      this.#goOnFrom(read);
    } else {
      this.#isBelow = true;
    }
    this.#highest = Math.max(this.#highest, read + this.#lost);
    return this.#highest;
  }

  #goOnFrom(read: number): void {
    this.#lost = Math.max(0, this.#highest - read);
    this.#isBelow = false;
  }
}
