import { join } from 'node:path';
import { systemClock } from '../kit/clock.js';
import { stageInit } from '../sandbox/init-binary.js';
import { SessionCopies } from '../session/changes/session-copies.js';
import { Snapshots } from '../session/snapshots.js';
import type { App } from './app.js';
import { builtInit } from './built-init.js';

/** Snapshots, and what else is made of what sessions of this user have written. */
export async function sessionCopies(app: App): Promise<SessionCopies> {
  const { stateDir, sitePolicy } = app.config;
  const [audit, { source: program }] = await Promise.all([app.audit(), stageInit(builtInit, stateDir)]);
  const snapshots = new Snapshots({
    folder: snapshotsFolder(app),
    program,
    clock: systemClock,
    audit,
    apiKey: app.store.apiKey,
    seals: app.store.sealing?.seals,
  });
  return new SessionCopies({ store: app.store, snapshots, limits: sitePolicy, program, clock: systemClock });
}

export function snapshotsFolder({ config }: App): string {
  return join(config.stateDir, 'snapshots');
}
