import { formatBytes, formatDuration } from '../core/units.js';
import type { AlarmView } from './alarms/alarm.js';
import type { SampleView, TrendsView } from './usage-schema.js';

/** What a session uses, in a few lines for people and models. */
export function usageText(sample: SampleView | undefined, trends?: TrendsView): string {
  if (sample === undefined) return 'usage: unknown';
  const lines = [`usage: ${nowText(sample)}`, ...eventsText(sample)];
  const recent = trends === undefined ? '' : trendText(trends['5m']);
  return [...lines, ...(recent === '' ? [] : [`  last 5 min: ${recent}`])].join('\n');
}

/** One line for each alarm, the latest last. */
export function alarmsText(alarms: readonly AlarmView[]): readonly string[] {
  return alarms.map(({ kind, level, atMs, text, inForce }) => {
    const when = `${new Date(atMs).toISOString()}${inForce ? ', still' : ''}`;
    return `${level === 'critical' ? 'ALARM' : 'alarm'} ${kind} (${when}): ${text}`;
  });
}

/** Cores with two decimals. */
export function cores(millis: number | undefined): string {
  return millis === undefined ? '?' : (millis / 1000).toFixed(2);
}

export function sourceText({ sources }: SampleView): string {
  const all = [...new Set([sources.memory, sources.cpu, sources.pids])];
  if (all.length === 1) return all[0] ?? 'unknown';
  return Object.entries(sources)
    .map(([what, source]) => `${what}: ${source}`)
    .join(', ');
}

function nowText(sample: SampleView): string {
  const { memoryBytes, memoryMaxBytes, memoryPeakBytes, cpuMillis, cpuUs, pids, pidsMax } = sample;
  const limit = memoryMaxBytes === undefined ? '' : ` of ${formatBytes(memoryMaxBytes)}`;
  const peak = memoryPeakBytes === undefined ? '' : ` (peak ${formatBytes(memoryPeakBytes)})`;
  const total = cpuUs === undefined ? '' : ` (${formatDuration(cpuUs / 1000)} so far)`;
  return [
    `memory ${memoryBytes === undefined ? 'unknown' : formatBytes(memoryBytes)}${limit}${peak}`,
    `cpu ${cores(cpuMillis)}${total}`,
    `pids ${pids ?? 'unknown'}${pidsMax === undefined ? '' : ` of ${pidsMax}`}`,
    `by ${sourceText(sample)}`,
  ].join(', ');
}

function eventsText({
  oomKills = 0,
  pidsRefused = 0,
  throttledPeriods = 0,
  cpuPeriods = 0,
  throttledUs = 0,
}: SampleView) {
  const parts = [
    ...(oomKills > 0 ? [`${oomKills} killed for memory`] : []),
    ...(pidsRefused > 0 ? [`${pidsRefused} forks refused`] : []),
    ...(throttledPeriods > 0
      ? [
          `held back by the CPU quota in ${throttledPeriods} of ${cpuPeriods} periods, ${formatDuration(throttledUs / 1000)}`,
        ]
      : []),
  ];
  return parts.length === 0 ? [] : [`  since its start: ${parts.join(', ')}`];
}

function trendText({ memoryBytes, cpuMillis, pids }: TrendsView['5m']): string {
  const range = (of: { min: number; avg: number; max: number }, show: (value: number) => string) =>
    `${show(of.min)} – ${show(of.max)}, ${show(of.avg)} on average`;
  return [
    ...(memoryBytes === undefined ? [] : [`memory ${range(memoryBytes, formatBytes)}`]),
    ...(cpuMillis === undefined ? [] : [`cpu ${range(cpuMillis, cores)}`]),
    ...(pids === undefined ? [] : [`pids ${range(pids, String)}`]),
  ].join('; ');
}
