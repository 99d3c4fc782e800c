import { z } from 'zod';
import { usageSources } from './reading.js';

const count = z.number().nonnegative().optional();
const source = z.enum(usageSources).optional();
const pressure = z
  .object({ someAvg10: z.number(), fullAvg10: count, someTotalUs: z.number(), fullTotalUs: count })
  .optional();

/** A `Sample`, for whoever shows it: clients, and other processes than the one that took it. */
export const sampleSchema = z.object({
  /** Where each number comes from: the sandbox's own cgroup, its processes added up, or the engine. Absent: unknown. */
  sources: z.object({ memory: source, cpu: source, pids: source }),
  atMs: z.number(),
  memoryBytes: count,
  memoryPeakBytes: count,
  memoryMaxBytes: count,
  swapBytes: count,
  /** Thousandths of a core, since the sample before. */
  cpuMillis: count,
  cpuUs: count,
  userUs: count,
  systemUs: count,
  cpuPeriods: count,
  throttledPeriods: count,
  throttledUs: count,
  pids: count,
  pidsPeak: count,
  pidsMax: count,
  pidsRefused: count,
  readBytes: count,
  writtenBytes: count,
  ioOperations: count,
  memoryHighs: count,
  memoryMaxes: count,
  ooms: count,
  oomKills: count,
  memoryPressure: pressure,
  cpuPressure: pressure,
  ioPressure: pressure,
});

const trend = z.object({ min: z.number(), avg: z.number(), max: z.number(), last: z.number() }).optional();
const ofWindow = z.object({ memoryBytes: trend, cpuMillis: trend, pids: trend });

export const trendsSchema = z.object({ '1m': ofWindow, '5m': ofWindow, '15m': ofWindow });

export type SampleView = z.output<typeof sampleSchema>;
export type TrendsView = z.output<typeof trendsSchema>;
