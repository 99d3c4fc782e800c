import { formatDuration } from '../../core/units.js';
import { isAlive } from '../../kit/process-identity.js';
import { isInitAlive } from '../../sandbox/sandbox.js';
import type { SessionRecord } from '../../session/record.js';
import { App } from '../app.js';
import type { CliCommand } from '../command.js';
import { report, table } from '../output.js';
import { settingsOf } from '../settings.js';

/** What a record and /proc say of a session; no engine is asked. */
export async function stateOf(record: SessionRecord): Promise<'creating' | 'running' | 'ended' | 'orphaned'> {
  const running = record.container !== undefined && isInitAlive(record.container);
  const owned = record.kind === 'detached' || (await isAlive(record.owner));
  if (record.container === undefined) return owned ? 'creating' : 'orphaned';
  if (!running) return 'ended';
  return owned ? 'running' : 'orphaned';
}

export const ps: CliCommand = {
  name: 'ps',
  usage: 'ps',
  summary: 'the sessions of this user',
  options: {},
  async run(context) {
    await using app = new App(await settingsOf(context), context.env);
    const { records, unreadable } = await app.store.list();
    const now = Date.now();
    const rows = await Promise.all(
      records
        .sort((a, b) => a.createdAtMs - b.createdAtMs)
        .map(async (r) => ({
          sessionId: r.id,
          ...(r.name === undefined ? {} : { name: r.name }),
          state: await stateOf(r),
          kind: r.kind,
          ownerPid: r.owner.pid,
          engine: r.engine.kind,
          image: r.spec.image.kind === 'host' ? 'host' : r.spec.image.reference,
          project: r.spec.mounts.find((m) => m.purpose === 'workspace')?.hostPath ?? '-',
          uptimeMs: now - r.createdAtMs,
          endsAt: new Date(r.deadlineAtMs).toISOString(),
        })),
    );
    const lines = rows.map((r) => [r.sessionId, r.state, r.kind, r.image, formatDuration(r.uptimeMs), r.project]);
    const text =
      rows.length === 0 ? 'no sessions' : table([['SESSION', 'STATE', 'KIND', 'IMAGE', 'UP', 'PROJECT'], ...lines]);
    await report(context, { sessions: rows, unreadable }, text);
    return 0;
  },
};
