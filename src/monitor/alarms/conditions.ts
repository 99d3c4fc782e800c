import type { AlarmThresholds } from '../../core/alarm-thresholds.js';
import { formatBytes } from '../../core/units.js';
import type { Sample } from '../monitor.js';
import type { AlarmKind, AlarmNotice } from './alarm.js';
import type { HostPressure } from './host-pressure.js';

/** One condition at one moment. */
export interface Condition {
  readonly kind: AlarmKind;
  /** Above its threshold. */
  readonly isOver: boolean;
  /** So far below that it counts as gone; between the two nothing changes. */
  readonly isWellBelow: boolean;
  /** How long it has to be over without a break. */
  readonly forMs: number;
  readonly notice: Omit<AlarmNotice, 'session' | 'kind'>;
}

/** What is looked at besides the samples. */
export interface HostFacts {
  readonly pressure: HostPressure;
  readonly cpuCount: number;
  readonly memoryBytes: number;
}

/** A condition goes when what it measures is below this share of its threshold. */
const wellBelow = 0.8;

/** What two samples of a session, one after the other, say. A condition of which nothing is known is left out. Pure. */
export function conditionsOf(
  before: Sample,
  now: Sample,
  host: HostFacts,
  limits: AlarmThresholds,
): readonly Condition[] {
  return [
    oom(before, now),
    throttled(before, now, limits),
    pids(before, now, limits),
    memory(now, limits),
    hostUse(now, host, limits),
  ].filter((condition) => condition !== undefined);
}

function oom({ oomKills: before }: Sample, { oomKills, memoryMaxBytes = 0 }: Sample): Condition | undefined {
  if (before === undefined || oomKills === undefined) return undefined;
  const isOver = oomKills > before;
  const of = memoryMaxBytes > 0 ? ` of ${formatBytes(memoryMaxBytes)}` : '';
  const text = `the kernel killed ${oomKills - before} of its processes, because its memory${of} was used up`;
  return {
    kind: 'oom',
    isOver,
    isWellBelow: !isOver,
    forMs: 0,
    notice: { level: 'critical', text, values: { oomKills } },
  };
}

function throttled(before: Sample, now: Sample, limits: AlarmThresholds): Condition | undefined {
  const periods = difference(before.cpuPeriods, now.cpuPeriods);
  const held = difference(before.throttledPeriods, now.throttledPeriods);
  if (periods === undefined || held === undefined) return undefined;
  const percent = periods === 0 ? 0 : Math.round((held / periods) * 100);
  const text = `its CPU quota held it back in ${percent} % of the time; more cpus would make it faster`;
  return {
    ...{ kind: 'throttled', ...compared(percent, limits.throttledPercent), forMs: limits.throttledForMs },
    notice: { level: 'warning', text, values: { percent } },
  };
}

function pids(
  before: Sample,
  { pids: count, pidsMax, pidsRefused }: Sample,
  limits: AlarmThresholds,
): Condition | undefined {
  if (count === undefined || pidsMax === undefined) return undefined;
  const percent = Math.round((count / pidsMax) * 100);
  const refused = difference(before.pidsRefused, pidsRefused) ?? 0;
  const { isOver, isWellBelow } = compared(percent, limits.pidsPercent);
  const text = `it has ${count} processes and threads of ${pidsMax}${refused > 0 ? `, and ${refused} forks failed` : ''}`;
  return {
    ...{ kind: 'pids', isOver: isOver || refused > 0, isWellBelow: isWellBelow && refused === 0, forMs: 0 },
    notice: { level: refused > 0 ? 'critical' : 'warning', text, values: { pids: count, pidsMax, refused } },
  };
}

function memory(
  { memoryPressure, memoryBytes, memoryMaxBytes }: Sample,
  limits: AlarmThresholds,
): Condition | undefined {
  const kind = 'memory-pressure';
  const forMs = limits.memoryForMs;
  if (memoryPressure !== undefined) {
    const percent = Math.round(memoryPressure.someAvg10);
    const text = `something in it waited for memory in ${percent} % of the time`;
    return {
      kind,
      ...compared(percent, limits.memoryPressurePercent),
      forMs,
      notice: { level: 'warning', text, values: { percent } },
    };
  }
  if (memoryBytes === undefined || memoryMaxBytes === undefined) return undefined;
  const percent = Math.round((memoryBytes / memoryMaxBytes) * 100);
  const text = `it uses ${formatBytes(memoryBytes)} of ${formatBytes(memoryMaxBytes)} of memory`;
  return {
    kind,
    ...compared(percent, limits.memoryPercent),
    forMs,
    notice: { level: 'warning', text, values: { percent } },
  };
}

/** The host has to wait, and this session alone uses half of what it waits for. */
function hostUse({ cpuMillis, memoryBytes }: Sample, host: HostFacts, limits: AlarmThresholds): Condition | undefined {
  const { cpuPercent, memoryPercent } = host.pressure;
  const uses = [
    { what: 'processors', percent: cpuPercent, isHalf: (cpuMillis ?? 0) >= host.cpuCount * 500 },
    { what: 'memory', percent: memoryPercent, isHalf: (memoryBytes ?? 0) >= host.memoryBytes / 2 },
  ].flatMap(({ what, percent, isHalf }) =>
    percent === undefined ? [] : [{ what, percent: isHalf ? Math.round(percent) : 0 }],
  );
  const [worst] = uses.sort((a, b) => b.percent - a.percent);
  if (worst === undefined) return undefined;
  const { what, percent } = worst;
  const text = `it uses half of the host's ${what} or more, for which something waits in ${percent} % of the time`;
  return {
    ...{ kind: 'host-pressure', ...compared(percent, limits.hostPressurePercent), forMs: limits.hostPressureForMs },
    notice: { level: 'warning', text, values: { percent } },
  };
}

function compared(value: number, threshold: number) {
  return { isOver: value >= threshold, isWellBelow: value < threshold * wellBelow };
}

/** Undefined where one of them is not known; counters never go back. */
function difference(before: number | undefined, now: number | undefined): number | undefined {
  return before === undefined || now === undefined ? undefined : Math.max(0, now - before);
}
