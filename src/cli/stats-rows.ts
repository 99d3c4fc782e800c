import { formatBytes } from '../core/units.js';
import { safeLine } from '../kit/safe-text.js';
import type { Sample } from '../monitor/monitor.js';
import { cores, sourceText } from '../monitor/usage-text.js';
import type { HeldUsage } from '../session/control/messages.js';
import type { SessionRecord } from '../session/record.js';
import { table } from './output.js';

/** A session of this user with what it uses now; whoever holds it is not asked for that. */
export interface StatsRow {
  readonly record: SessionRecord;
  readonly state: string;
  readonly stateWhy?: string;
  /** Absent where it does not run, or can't be seen. */
  readonly usage?: Sample | NonNullable<HeldUsage['usage']>;
}

const header = ['SESSION', 'STATE', 'MEMORY', '', 'CPU', '', 'PIDS', 'SOURCE', 'NAME'] as const;
const barWidth = 8;

/** As a table; the bars show shares of the limits that were asked for. */
export function statsTable(rows: readonly StatsRow[]): string {
  return rows.length === 0 ? 'no sessions' : table([header, ...rows.map(cells)]);
}

function cells({ record, state, usage }: StatsRow): readonly string[] {
  const { memoryBytes, cpuMillis, pids } = record.spec.limits;
  const name = safeLine(record.name ?? '-', 40);
  if (usage === undefined) return [record.id, state, '-', '', '-', '', '-', '-', name];
  const memory = usage.memoryBytes === undefined ? '?' : formatBytes(usage.memoryBytes);
  return [
    ...[record.id, state, `${memory} / ${formatBytes(memoryBytes)}`, bar(usage.memoryBytes, memoryBytes)],
    ...[`${cores(usage.cpuMillis)} / ${cpuMillis / 1000}`, bar(usage.cpuMillis, cpuMillis)],
    ...[`${usage.pids ?? '?'} / ${pids}`, sourceText(usage), name],
  ];
}

/** Something in use is never shown as nothing, and only what is full as full. */
function bar(value: number | undefined, limit: number): string {
  if (value === undefined || limit <= 0) return `[${'?'.repeat(barWidth)}]`;
  const least = value > 0 ? 1 : 0;
  const most = value < limit ? barWidth - 1 : barWidth;
  const filled = Math.min(most, Math.max(least, Math.round((value / limit) * barWidth)));
  return `[${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}]`;
}
