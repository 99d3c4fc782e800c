import { loadavg } from 'node:os';
import type { Clock } from '../kit/clock.js';

/** How busy the host is. */
export interface HostLoad {
  readonly cpuCount: number;
  /** Share of all processors in use, 0 – 100, since the reading before (at first: since boot). */
  readonly cpuPercent: number;
  /** Runnable processes, average of the last minute. */
  readonly load1: number;
  readonly memoryTotalBytes: number;
  /** What programs can still get without swapping. */
  readonly memoryAvailableBytes: number;
  readonly swapTotalBytes: number;
  readonly swapUsedBytes: number;
}

/** Readings of the host kept for `maxAgeMs`, so that asking often costs nothing. Starts no processes. */
export class HostLoadReader {
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  #last: { readonly at: number; readonly load: Promise<HostLoad> } | undefined;

  constructor(clock: Clock, maxAgeMs = 5000) {
    this.#clock = clock;
    this.#maxAgeMs = maxAgeMs;
  }

  async read(): Promise<HostLoad> {
    const now = this.#clock.monotonic();
    if (this.#last === undefined || now - this.#last.at > this.#maxAgeMs) this.#last = { at: now, load: take() };
    return this.#last.load;
  }
}

async function take(): Promise<HostLoad> {
  const { currentLoad, mem } = await import('./host-readings.js');
  const [memory, cpu] = await Promise.all([mem(), currentLoad()]);
  return {
    cpuCount: cpu.cpus.length,
    cpuPercent: Math.round(cpu.currentLoad),
    load1: loadavg()[0] ?? 0,
    memoryTotalBytes: memory.total,
    memoryAvailableBytes: memory.available,
    swapTotalBytes: memory.swaptotal,
    swapUsedBytes: memory.swapused,
  };
}
