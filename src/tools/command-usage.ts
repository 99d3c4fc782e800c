import { z } from 'zod';
import { formatBytes, formatDuration } from '../core/units.js';

/** What a finished command used, as far as this host can tell. */
export const commandUsage = z.object({
  userCpuMs: z.number().optional(),
  systemCpuMs: z.number().optional(),
  /** Of its largest process. */
  peakProcessBytes: z.number().optional(),
  /** Of the whole tree at one time, where the command has a cgroup of its own. */
  peakTreeBytes: z.number().optional(),
  peakProcesses: z.number().optional(),
  /** Time for which the session's CPU quota held it back. */
  sandboxThrottledMs: z.number().optional(),
  oomKills: z.number().optional(),
});

/** To follow how long it took. */
export function commandUsageText(usage: z.output<typeof commandUsage> | undefined): string {
  if (usage === undefined) return '';
  const { userCpuMs, systemCpuMs, peakProcessBytes, peakTreeBytes, sandboxThrottledMs = 0, oomKills = 0 } = usage;
  const cpuMs = userCpuMs === undefined ? undefined : userCpuMs + (systemCpuMs ?? 0);
  const peak = peakTreeBytes ?? peakProcessBytes;
  const whose = peakTreeBytes === undefined ? 'largest process' : 'peak memory';
  return [
    ...(cpuMs === undefined ? [] : [`cpu ${formatDuration(cpuMs)}`]),
    ...(peak === undefined ? [] : [`${whose} ${formatBytes(peak)}`]),
    ...(sandboxThrottledMs > 0 ? [`held back by the CPU quota for ${formatDuration(sandboxThrottledMs)}`] : []),
    ...(oomKills > 0 ? [`${oomKills} killed for memory`] : []),
  ]
    .map((part) => `, ${part}`)
    .join('');
}
