import { hostname } from 'node:os';
import { openHostKey } from '../../audit/anchor/host-key.js';
import { forgetAction } from '../../audit/audit-log.js';
import { audited } from '../../audit/audited.js';
import { unsealed } from '../../audit/erasure/sealed-fields.js';
import { csvHeader, csvRow } from '../../audit/export/csv.js';
import { ocsfEvent } from '../../audit/export/ocsf.js';
import { type AuditEntry, exportAudit, tailAudit } from '../../audit/read.js';
import { storyLines, tellStory } from '../../audit/story.js';
import type { Config } from '../../config/load.js';
import { PaddockError } from '../../core/errors.js';
import { isSessionId, type SessionId } from '../../core/ids.js';
import { version } from '../../core/version.js';
import { layerOf } from '../../session/layers.js';
import { shelvedIn } from '../../session/snapshot-shelf.js';
import { App } from '../app.js';
import { type CliCommand, type CommandContext, text } from '../command.js';
import { auditKeyPath, sessionKeys } from '../open-audit-log.js';
import { asciiControls, report, write } from '../output.js';
import { snapshotsFolder } from '../session-copies.js';
import { settingsOf } from '../settings.js';
import { timeOf, verifyLog } from './audit-verify.js';

export const audit: CliCommand = {
  name: 'audit',
  usage:
    'audit tail|show ID|verify|export|key|forget ID [--lines N] [--session ID] [--since T] [--until T] [--format F] [--anchor FILE] [--against journal|FILE]',
  summary: 'the audit log: its end, whether it is unbroken, all of it',
  mostPositionals: 2,
  options: {
    lines: { type: 'string', help: 'tail: how many records (default: 20)' },
    session: { type: 'string', help: 'export: records of this session only' },
    since: { type: 'string', help: 'export: records from this time on, such as 2026-01-31T12:00:00Z; verify: heads' },
    format: { type: 'string', help: 'export: jsonl (default), csv or ocsf' },
    anchor: { type: 'string', help: 'verify: signed heads of the log, written earlier (default: the one that is set)' },
    against: { type: 'string', help: 'verify: heads that were forwarded: journal, or a file that syslog has written' },
    key: { type: 'string', help: 'verify: public key that signed them, in PEM form (default: that of this host)' },
    until: { type: 'string', help: 'export: records before this time' },
  },
  async run(context) {
    const [action, session] = context.positionals;
    if (session !== undefined && action !== 'show' && action !== 'forget') {
      throw new PaddockError('BAD_ARGUMENT', `audit ${action ?? ''} takes no further word`);
    }
    const config = await settingsOf(context);
    const { auditLogPath } = config;
    switch (action) {
      case 'verify':
        return await verifyLog(context, config);
      case 'key':
        return key(context, config);
      case 'tail':
        return list(context, shown(config, tailAudit(auditLogPath, lineCount(context))));
      case 'export':
        return exportAs(context, shown(config, exportAudit(auditLogPath, filterOf(context))));
      case 'show':
        return show(context, config, session);
      case 'forget':
        return forget(context, config, session);
      default:
        throw new PaddockError('BAD_ARGUMENT', 'say tail, show, verify, export, key or forget');
    }
  },
};

/** The public key, for whoever is to check the anchor elsewhere. Made when there is none. */
async function key(context: CommandContext, config: Config): Promise<number> {
  const path = auditKeyPath(config);
  const { publicKey } = await openHostKey(path);
  await report(context, { path, id: publicKey.id, publicKey: publicKey.pem }, publicKey.pem.trimEnd());
  return 0;
}

/** One session's records as a story: call, command, files, egress, changes. */
async function show(context: CommandContext, config: Config, given: string | undefined): Promise<number> {
  const session = sessionOf(given);
  const story = await tellStory(session, shown(config, exportAudit(config.auditLogPath, { session })));
  if (story.steps.length === 0) throw new PaddockError('NO_SUCH_SESSION', `the audit log has nothing of ${session}`);
  await report(context, story, storyLines(story).join('\n'));
  return 0;
}

/** Destroys the key of a session that is over; on the record, as everything. */
async function forget(context: CommandContext, config: Config, given: string | undefined): Promise<number> {
  const session = sessionOf(given);
  const keys = sessionKeys(config);
  await using app = new App(config, context.env);
  if (await app.store.has(session)) {
    throw new PaddockError('BAD_ARGUMENT', `${session} is not over; it is forgotten after \`paddock rm ${session}\``);
  }
  const left = await stillKept(app, session);
  if (keys.isForgotten(session)) {
    const words = [`${session} has been forgotten already`, ...leftLines(session, left)];
    await report(context, { session, forgotten: true, ...left }, words.join('\n'));
    return 0;
  }
  if (keys.find(session) === undefined) {
    const why = 'its records were not encrypted (`erasable = true` of [audit] encrypts those of later sessions)';
    throw new PaddockError('NO_SUCH_SESSION', `there is no key of ${session} here: ${why}`, {
      hint: `What \`paddock audit show ${session}\` shows goes with its files: \`keep_age\`, \`keep_size\` or \`keep_files\` of [audit].`,
    });
  }
  const run = async () => {
    keys.forget(session);
    await Promise.resolve();
  };
  await audited(await app.audit(), { action: forgetAction, session, run });
  const words = [`what was personal in the records of ${session} can't be read any more`, ...leftLines(session, left)];
  await report(context, { session, forgotten: true, ...left }, words.join('\n'));
  return 0;
}

interface StillKept {
  readonly changesKept: boolean;
  readonly snapshotsKept: readonly string[];
}

/** What the session itself has left: that is not of the log, and goes by commands of its own. */
async function stillKept(app: App, session: SessionId): Promise<StillKept> {
  const shelved = await shelvedIn(snapshotsFolder(app));
  const snapshotsKept = shelved.flatMap(({ id, snapshot }) => (snapshot?.session === session ? [id] : []));
  return { changesKept: (await layerOf(app.store, session)) !== undefined, snapshotsKept };
}

function leftLines(session: SessionId, { changesKept, snapshotsKept }: StillKept): readonly string[] {
  return [
    ...(changesKept ? [`its changes are still kept: \`paddock discard ${session}\``] : []),
    ...snapshotsKept.map((id) => `a snapshot of it is still kept: \`paddock snapshots --rm ${id}\``),
  ];
}

function sessionOf(given: string | undefined): SessionId {
  if (given !== undefined && isSessionId(given)) return given;
  throw new PaddockError('BAD_ARGUMENT', 'say which session, by its id');
}

/** What is encrypted, where its key is here. */
function shown(config: Config, entries: AsyncIterable<AuditEntry>): AsyncGenerator<AuditEntry> {
  const keys = sessionKeys(config);
  return mapped(entries, (entry) => unsealed(entry, keys));
}

async function exportAs(context: CommandContext, entries: AsyncIterable<AuditEntry>): Promise<number> {
  const format = text(context, 'format') ?? 'jsonl';
  const host = { hostname: hostname(), version };
  if (format === 'ocsf')
    return await list(
      context,
      mapped(entries, (entry) => ocsfEvent(entry, host)),
    );
  if (format === 'jsonl') return await list(context, entries);
  if (format !== 'csv' || context.json) {
    throw new PaddockError('BAD_ARGUMENT', '--format takes jsonl, csv or ocsf, and csv goes without --json');
  }
  const { stdout } = context.terminal;
  await write(stdout, csvHeader);
  for await (const entry of entries) await write(stdout, csvRow(entry));
  return 0;
}

async function* mapped<T, U>(items: AsyncIterable<T>, change: (item: T) => U): AsyncGenerator<U> {
  for await (const item of items) yield change(item);
}

/** One JSON document per line for people and pipes; one document with --json. Either as it is read: a log may be large. */
async function list(context: CommandContext, entries: AsyncIterable<unknown>): Promise<number> {
  const { stdout } = context.terminal;
  if (!context.json) {
    for await (const entry of entries) await write(stdout, `${asciiControls(JSON.stringify(entry))}\n`);
    return 0;
  }
  let lead = '{"entries": [\n';
  for await (const entry of entries) {
    await write(stdout, lead + asciiControls(JSON.stringify(entry)));
    lead = ',\n';
  }
  await write(stdout, `${lead.startsWith('{') ? lead : '\n'}]}\n`);
  return 0;
}

function lineCount(context: CommandContext): number {
  const lines = Number(text(context, 'lines') ?? '20');
  if (!Number.isInteger(lines) || lines < 1) throw new PaddockError('BAD_ARGUMENT', '--lines wants a number above 0');
  return lines;
}

function filterOf(context: CommandContext) {
  const session = text(context, 'session');
  const since = timeOf(context, 'since');
  const until = timeOf(context, 'until');
  return {
    ...(session === undefined ? {} : { session }),
    ...(since === undefined ? {} : { sinceMs: since }),
    ...(until === undefined ? {} : { untilMs: until }),
  };
}
