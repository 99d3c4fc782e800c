import { portText } from '../../core/egress-text.js';
import type { SessionId } from '../../core/ids.js';
import { systemClock } from '../../kit/clock.js';
import { UsageReader } from '../../monitor/usage-reader.js';
import { alarmsText, usageText } from '../../monitor/usage-text.js';
import { diskText } from '../../session/disk/disk-words.js';
import { countDisk } from '../../session/disk/open-disk.js';
import { idleLeftOf } from '../../session/idle-left.js';
import type { SessionRecord } from '../../session/record.js';
import { timeText } from '../../session/time-text.js';
import { App } from '../app.js';
import type { CliCommand } from '../command.js';
import { report, table } from '../output.js';
import { RecordedUsage } from '../recorded-usage.js';
import { stateAndUsageOf, whyLines } from '../session-state.js';
import { settingsOf } from '../settings.js';
import { oneId, recordOf } from './detached.js';

export const inspect: CliCommand = {
  name: 'inspect',
  usage: 'inspect ID',
  summary: 'one session: its plan, its limits, what it uses, and what the kernel confirms',
  mostPositionals: 1,
  options: {},
  async run(context) {
    await using app = new App(await settingsOf(context), context.env);
    const record = await recordOf(app, oneId(context.positionals));
    const controlPath = app.store.controlPath(record.id as SessionId);
    const { seen, held } = await stateAndUsageOf(record, controlPath, context.signal);
    const { state } = seen;
    const controls = record.evidence?.controls ?? [];
    const rows = controls.map((c) => [c.id, c.status, c.asked, c.engine, c.kernel]);
    const { limits, idleTimeoutMs } = record.spec;
    const now = Date.now();
    const endsInMs = Math.max(0, record.deadlineAtMs - now);
    const idleLeftMs = await idleLeftOf(record, app.store, now);
    const idleEndsInMs = idleLeftMs === undefined ? undefined : Math.max(0, idleLeftMs);
    const usage = held.usage ?? new RecordedUsage(new UsageReader(), systemClock).read([record]).get(record.id);
    const [trends, alarms] = [held.trends, held.alarms ?? []];
    const disk = state === 'running' ? await countDisk(record, systemClock, context.signal) : undefined;
    const text = [
      `${record.id} ${state}, container ${record.containerName} on ${record.engine.kind}, ends ${new Date(record.deadlineAtMs).toISOString()}`,
      ...whyLines([{ sessionId: record.id, ...seen }]),
      timeText({ endsInMs, idleTimeoutMs, idleEndsInMs }),
      `profile: ${record.spec.profile ?? '-'}`,
      `limits: memory ${limits.memoryBytes} bytes, cpu ${limits.cpuMillis / 1000}, pids ${limits.pids}`,
      `network: ${networkText(record.spec)}`,
      usageText(usage, trends),
      ...(disk === undefined ? [] : [`disk: added ${diskText(disk)}`]),
      ...alarmsText(alarms),
      table([['CONTROL', 'STATUS', 'ASKED', 'ENGINE', 'KERNEL'], ...rows]),
    ].join('\n');
    const used = { usage, trends, alarms, disk };
    await report(context, { ...record, nonce: undefined, ...seen, endsInMs, idleEndsInMs, ...used }, text);
    return 0;
  },
};

/** What the session reaches; the list may be long, and its end says the least. */
function networkText({
  network,
  egress,
  ports = [],
}: Pick<SessionRecord['spec'], 'network' | 'egress' | 'ports'>): string {
  const published = ports.length > 0 ? `, publishes ${ports.map(portText).join(', ')}` : '';
  if (egress === undefined || (network === 'internal' && egress.allow.length === 0)) return `${network}${published}`;
  return `${network} of ${egress.allow.slice(0, 16).join(', ') || 'nothing'}${egress.allow.length > 16 ? ', …' : ''}${published}`;
}
