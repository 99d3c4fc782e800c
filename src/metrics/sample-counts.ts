import type { Sample } from '../monitor/monitor.js';
import { Growth } from './growth.js';
import type { Instruments } from './instruments.js';

/** Counts by what the sessions of this process use, from their samples. */
export class SampleCounts {
  readonly #instruments: Instruments;
  readonly #growth = new Growth();
  readonly #last = new Map<string, Sample>();

  constructor(instruments: Instruments) {
    this.#instruments = instruments;
  }

  add(session: string, sample: Sample): void {
    const { cpuSeconds, oomKills, forksRefused, periods, throttledPeriods, throttledSeconds } = this.#instruments;
    const grown = (what: keyof Sample) => {
      const total = sample[what];
      return typeof total === 'number' ? this.#growth.of(session, what, total) : 0;
    };
    // The two ways to know it do not count alike.
    const before = this.#last.get(session)?.sources.cpu;
    const cpuUs = grown('cpuUs');
    if (before === undefined || before === sample.sources.cpu) cpuSeconds.inc(cpuUs / 1e6);
    oomKills.inc(grown('oomKills'));
    forksRefused.inc(grown('pidsRefused'));
    periods.inc(grown('cpuPeriods'));
    throttledPeriods.inc(grown('throttledPeriods'));
    throttledSeconds.inc(grown('throttledUs') / 1e6);
    this.#last.set(session, sample);
  }

  /** As of the last samples of these sessions. */
  show(sessions: readonly string[]): void {
    const { memory, pids } = this.#instruments;
    const sum = (what: 'memoryBytes' | 'pids') =>
      sessions.reduce((total, id) => total + (this.#last.get(id)?.[what] ?? 0), 0);
    memory.set(sum('memoryBytes'));
    pids.set(sum('pids'));
  }

  forget(session: string): void {
    this.#last.delete(session);
    this.#growth.forget(session);
  }
}
