import { known } from '../kit/known.js';
import type { Reading } from './reading.js';

/**
 * Keeps the totals of one sandbox's processor time from going down. A sum of its processes misses one that ends while /proc is walked, until whoever
 * waited for it has its time; and where the cgroup can't be read for once, that sum, which does not count alike, takes its place. A counter
 * that goes down is read as one that began anew: all that came before would be counted twice.
 */
export class CpuFloor {
  #highest: Pick<Reading, 'cpuUs' | 'userUs' | 'systemUs'> = {};

  /** The same reading, with no total below what was said before. What it does not know stays unknown. */
  raise(reading: Reading): Reading {
    const higher = (what: 'cpuUs' | 'userUs' | 'systemUs') => {
      const total = reading[what];
      return total === undefined ? undefined : Math.max(total, this.#highest[what] ?? 0);
    };
    const totals = known({ cpuUs: higher('cpuUs'), userUs: higher('userUs'), systemUs: higher('systemUs') });
    this.#highest = { ...this.#highest, ...totals };
    return { ...reading, ...totals };
  }
}
