import { join } from 'node:path';
import type { SessionId } from '../../core/ids.js';
import { formatDuration } from '../../core/units.js';
import { KeyStore } from '../../keys/key-store.js';
import { systemClock } from '../../kit/clock.js';
import { known } from '../../kit/known.js';
import { safeLine } from '../../kit/safe-text.js';
import { commandsOfHeld } from '../../session/control/client.js';
import type { SessionRecord } from '../../session/record.js';
import { App } from '../app.js';
import type { CliCommand, CommandContext } from '../command.js';
import { presentHolder } from '../holder.js';
import { report, table } from '../output.js';
import { stateOf, whyLines } from '../session-state.js';
import { settingsOf } from '../settings.js';
import { recordOf } from './detached.js';

/** What runs in a session and what ran there, as its holder knows it; nobody holds a detached one that is not in use. */
async function listCommands(context: CommandContext, app: App, record: SessionRecord): Promise<number> {
  const socket = await presentHolder(app, record);
  const commands = socket === undefined ? [] : await commandsOfHeld(socket, context.signal);
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

/** By what records call them; whoever comes by a token has no name here. */
async function keyNames(app: App, records: readonly SessionRecord[]): Promise<ReadonlyMap<string, string>> {
  if (records.every(({ apiKey }) => apiKey === undefined)) return new Map();
  const { keys } = await new KeyStore(join(app.config.stateDir, 'keys'), systemClock).list();
  return new Map(keys.map(({ grant }) => [grant.id, grant.name]));
}

async function rowOf(context: CommandContext, app: App, record: SessionRecord, names: ReadonlyMap<string, string>) {
  const { id, name, apiKey, kind, owner, engine, spec, createdAtMs, deadlineAtMs } = record;
  return {
    ...{ sessionId: id, ...known({ name }) },
    ...(apiKey === undefined ? {} : { key: { id: apiKey, ...known({ name: names.get(apiKey) }) } }),
    ...(await stateOf(record, app.store.controlPath(id as SessionId), context.signal)),
    ...{ kind, ownerPid: owner.pid, engine: engine.kind, ...known({ profile: spec.profile }) },
    image: spec.image.kind === 'host' ? 'host' : spec.image.reference,
    project: spec.mounts.find((m) => m.purpose === 'workspace')?.hostPath ?? '-',
    uptimeMs: Date.now() - createdAtMs,
    endsAt: new Date(deadlineAtMs).toISOString(),
  };
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
    records.sort((x, y) => x.createdAtMs - y.createdAtMs);
    const names = await keyNames(app, records);
    const rows = await Promise.all(records.map((record) => rowOf(context, app, record, names)));
    const isShared = rows.some(({ key }) => key !== undefined);
    const lines = rows.map((r) => [
      r.sessionId,
      r.state,
      r.kind,
      ...(isShared ? [r.key?.name ?? r.key?.id ?? '-'] : []),
      r.image,
      r.profile ?? '-',
      formatDuration(r.uptimeMs),
      r.project,
    ]);
    const text =
      rows.length === 0
        ? 'no sessions'
        : [
            table([
              ['SESSION', 'STATE', 'KIND', ...(isShared ? ['KEY'] : []), 'IMAGE', 'PROFILE', 'UP', 'PROJECT'],
              ...lines,
            ]),
            ...whyLines(rows),
          ].join('\n');
    await report(context, { sessions: rows, unreadable }, text);
    return 0;
  },
};
