/**
 * Where a number comes from: the sandbox's own cgroup; the processes in its pid namespace, added up; the engine. What
 * the kernel or the engine says of a cgroup that others are in, too, is never taken for the sandbox's.
 */
export const usageSources = ['cgroup', 'processes', 'engine'] as const;
export type UsageSource = (typeof usageSources)[number];

/** Pressure stall information: the share of time in which something, or everything, waited. */
export interface Pressure {
  /** Percent of the last ten seconds in which at least one task waited. */
  readonly someAvg10: number;
  /** The same for all tasks at once; absent for cpu on older kernels. */
  readonly fullAvg10?: number;
  readonly someTotalUs: number;
  readonly fullTotalUs?: number;
}

/** What a sandbox uses at one moment. Totals count from its beginning. What is not known is absent, never zero. */
export interface Reading {
  readonly sources: {
    readonly memory?: UsageSource;
    readonly cpu?: UsageSource;
    readonly pids?: UsageSource;
  };
  /** From `processes`: the resident sizes added up, in which shared pages count for every process that has them. */
  readonly memoryBytes?: number;
  readonly memoryPeakBytes?: number;
  /** The limit in force; absent when there is none. */
  readonly memoryMaxBytes?: number;
  readonly swapBytes?: number;
  readonly cpuUs?: number;
  readonly userUs?: number;
  readonly systemUs?: number;
  /** Periods of the CPU quota in which something ran, and those in which it was held back. */
  readonly cpuPeriods?: number;
  readonly throttledPeriods?: number;
  readonly throttledUs?: number;
  /** Processes and threads. */
  readonly pids?: number;
  readonly pidsPeak?: number;
  readonly pidsMax?: number;
  /** Forks that failed at the limit. */
  readonly pidsRefused?: number;
  readonly readBytes?: number;
  readonly writtenBytes?: number;
  readonly ioOperations?: number;
  /** How often usage was pushed back at memory.high, at memory.max, ran out there, and what was killed for it. */
  readonly memoryHighs?: number;
  readonly memoryMaxes?: number;
  readonly ooms?: number;
  readonly oomKills?: number;
  readonly memoryPressure?: Pressure;
  readonly cpuPressure?: Pressure;
  readonly ioPressure?: Pressure;
}
