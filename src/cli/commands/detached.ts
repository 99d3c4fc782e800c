import { PaddockError, SessionError } from '../../core/errors.js';
import { isSessionId } from '../../core/ids.js';
import { systemClock } from '../../kit/clock.js';
import { ownIdentity } from '../../kit/process-identity.js';
import { type AdoptOptions, adoptSession } from '../../session/adopt.js';
import type { SessionRecord } from '../../session/record.js';
import type { Session } from '../../session/session.js';
import type { App } from '../app.js';

/** The record of a session of this user, whoever owns it. Errors: NO_SUCH_SESSION. */
export async function recordOf(app: App, id: string): Promise<SessionRecord> {
  const record = isSessionId(id) ? await app.store.load(id) : undefined;
  if (record === undefined) throw new SessionError('NO_SUCH_SESSION', 'there is no such session');
  return record;
}

/** A detached session, taken over by this process. Errors: SESSION_NOT_YOURS, SESSION_ENDED, CHANNEL_UNAVAILABLE. */
export async function adopt(
  app: App,
  record: SessionRecord,
  more: Pick<AdoptOptions, 'signal' | 'denials'> = {},
): Promise<Session> {
  const [options, cgroups] = await Promise.all([adoptOptions(app), app.cgroups()]);
  return adoptSession(record, { ...options, cgroups, ...more });
}

export async function adoptOptions(app: App): Promise<AdoptOptions> {
  const [engine, audit, { bootId }] = await Promise.all([app.engine(), app.audit(), ownIdentity()]);
  const { egress, broker: rules } = app.config.sitePolicy;
  const { store, lookupTurns, siblings, isAlive, userRuntimeDir: runtimeDir } = app;
  return {
    ...{ engine, store, audit, clock: systemClock, isAlive, bootId, runtimeDir, lookupTurns },
    ...{ siblings, ask: egress.ask, broker: { rules, sources: app.keySources } },
  };
}

export function oneId(positionals: readonly string[]): string {
  const [id, ...more] = positionals;
  if (id === undefined || more.length > 0) throw new PaddockError('BAD_ARGUMENT', 'give one session id');
  return id;
}
