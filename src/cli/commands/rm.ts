import { PaddockError, toPaddockError } from '../../core/errors.js';
import type { SessionId } from '../../core/ids.js';
import { destroyRecorded } from '../../session/adopt.js';
import { keptOf, keptWords, plainWords } from '../../session/changes/kept-words.js';
import { App } from '../app.js';
import { type CliCommand, isSet } from '../command.js';
import { report } from '../output.js';
import { settingsOf } from '../settings.js';
import { adoptOptions, recordOf } from './detached.js';

export const rm: CliCommand = {
  name: 'rm',
  usage: 'rm ID… | --all',
  summary: 'ends sessions that outlive their command',
  mostPositionals: Number.POSITIVE_INFINITY,
  options: { all: { type: 'boolean', help: 'all detached sessions, and those whose owner has ended' } },
  async run(context) {
    await using app = new App(await settingsOf(context), context.env);
    const ids = isSet(context, 'all') ? await allDetached(app) : context.positionals;
    if (ids.length === 0 && !isSet(context, 'all'))
      throw new PaddockError('BAD_ARGUMENT', 'give session ids, or --all');
    const results = await Promise.all(ids.map((id) => remove(app, id)));
    const lines = results.map((r) =>
      r.error === undefined
        ? removedLine(r)
        : `${r.sessionId}: ${r.error.code}: ${r.error.message}\n  next: ${r.error.next}`,
    );
    await report(context, { sessions: results }, lines.join('\n') || 'no sessions');
    return results.find((r) => r.error !== undefined)?.error.exitCode ?? 0;
  },
};

interface Removed {
  readonly sessionId: string;
  readonly changesKeptUntil?: string;
  readonly encrypted?: boolean;
  /** Why what is kept stays in clear, or some of it beside what is encrypted. */
  readonly notEncrypted?: string;
  /** It is still to be encrypted. */
  readonly encryptionPending?: boolean;
}

function removedLine(removed: Removed): string {
  const { sessionId, changesKeptUntil, notEncrypted, encryptionPending = false, encrypted = false } = removed;
  if (changesKeptUntil === undefined) return `${sessionId} removed`;
  const bare = plainWords({ plainBecause: notEncrypted, isSealDue: encryptionPending, isSealed: encrypted });
  return `${sessionId} removed; ${keptWords(sessionId, Date.parse(changesKeptUntil))}${bare === undefined ? '' : `; ${bare}`}`;
}

async function allDetached(app: App): Promise<string[]> {
  const { records } = await app.store.list();
  const open = await Promise.all(
    records.map(async (r) => (r.kind === 'detached' || !(await app.isAlive(r.owner)) ? [r.id] : [])),
  );
  return open.flat();
}

async function remove(app: App, id: string) {
  try {
    await destroyRecorded(await recordOf(app, id), await adoptOptions(app));
    const kept = await keptOf(app.store, id as SessionId);
    if (kept === undefined) return { sessionId: id };
    const { untilMs, plainBecause, isSealDue, isSealed } = kept;
    const bare = plainBecause === undefined ? {} : { notEncrypted: plainBecause };
    const sealed = isSealed ? { encrypted: true as const } : {};
    const due = isSealDue ? { encryptionPending: true as const } : {};
    return { sessionId: id, changesKeptUntil: new Date(untilMs).toISOString(), ...sealed, ...bare, ...due };
  } catch (thrown) {
    const { code, message, hint: next, exitCode } = toPaddockError(thrown);
    return { sessionId: id, error: { code, message, next, exitCode } };
  }
}
