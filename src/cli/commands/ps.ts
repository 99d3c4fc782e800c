import { formatDuration } from '../../core/units.js';
import { isAlive } from '../../kit/process-identity.js';
import { safeLine } from '../../kit/safe-text.js';
import { isInitAlive } from '../../sandbox/init-identity.js';
import { commandsOfHeld } from '../../session/control/client.js';
import type { SessionRecord } from '../../session/record.js';
import { App } from '../app.js';
import type { CliCommand, CommandContext } from '../command.js';
import { presentHolder } from '../holder.js';
import { report, table } from '../output.js';
import { settingsOf } from '../settings.js';
import { recordOf } from './detached.js';

/** What a record and /proc say of a session; no engine is asked. */
export async function stateOf(record: SessionRecord): Promise<'creating' | 'running' | 'ended' | 'orphaned'> {
  const running = record.container !== undefined && isInitAlive(record.container);
  const hasOwner = await isAlive(record.owner);
  // Whoever makes it has to live as long as that takes, also where it is to outlive them.
  if (record.container === undefined) return hasOwner ? 'creating' : 'orphaned';
  if (!running) return 'ended';
  return hasOwner || record.kind === 'detached' ? 'running' : 'orphaned';
}

/** What runs in a session and what ran there, as its holder knows it; nobody holds a detached one that is not in use. */
async function listCommands(context: CommandContext, app: App, record: SessionRecord): Promise<number> {
  const socket = await presentHolder(app, record);
  const commands = socket === undefined ? [] : await commandsOfHeld(socket);
  const now = Date.now();
  const rows = commands.map((c) => [
    c.commandId,
    c.state === 'finished' ? `${c.reason ?? '?'} ${c.exitCode ?? '?'}` : c.state,
    formatDuration(now - c.startedAtMs),
    safeLine(c.argv.join(' '), 100),
  ]);
  const nothing = socket === undefined ? 'nobody holds the session now; the next `paddock exec` does' : 'no commands';
  const text = rows.length === 0 ? nothing : table([['COMMAND', 'STATE', 'STARTED', 'ARGV'], ...rows]);
  await report(context, { sessionId: record.id, held: socket !== undefined, commands }, text);
  return 0;
}

export const ps: CliCommand = {
  name: 'ps',
  usage: 'ps [ID]',
  summary: 'the sessions of this user, or the commands of one',
  mostPositionals: 1,
  options: {},
  async run(context) {
    await using app = new App(await settingsOf(context), context.env);
    const [id] = context.positionals;
    if (id !== undefined) return await listCommands(context, app, await recordOf(app, id));
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
          ...(r.spec.profile === undefined ? {} : { profile: r.spec.profile }),
          image: r.spec.image.kind === 'host' ? 'host' : r.spec.image.reference,
          project: r.spec.mounts.find((m) => m.purpose === 'workspace')?.hostPath ?? '-',
          uptimeMs: now - r.createdAtMs,
          endsAt: new Date(r.deadlineAtMs).toISOString(),
        })),
    );
    const lines = rows.map((r) => [
      r.sessionId,
      r.state,
      r.kind,
      r.image,
      r.profile ?? '-',
      formatDuration(r.uptimeMs),
      r.project,
    ]);
    const text =
      rows.length === 0
        ? 'no sessions'
        : table([['SESSION', 'STATE', 'KIND', 'IMAGE', 'PROFILE', 'UP', 'PROJECT'], ...lines]);
    await report(context, { sessions: rows, unreadable }, text);
    return 0;
  },
};
