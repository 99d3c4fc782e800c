import { PaddockError, toPaddockError } from '../core/errors.js';
import type { Engine } from '../engine/types.js';
import { systemClock } from '../kit/clock.js';
import { isAlive, readProcessIdentity } from '../kit/process-identity.js';
import { pruneSessions } from '../session/prune.js';
import type { PruneReport } from '../session/prune-report.js';
import type { App } from './app.js';

export interface PruneChoices {
  readonly isDryRun: boolean;
  /** Default 5 s. */
  readonly pendingWaitMs?: number;
  readonly signal: AbortSignal;
}

/** Prunes this user's sessions with what the app has at hand. Errors: AUDIT_UNWRITABLE, INTERRUPTED. */
export async function pruneHere(app: App, choices: PruneChoices): Promise<PruneReport> {
  const [audit, engine, self] = await Promise.all([app.audit(), engineIfAny(app), readProcessIdentity()]);
  if (self === undefined) throw new PaddockError('INTERNAL', '/proc does not show this process');
  return pruneSessions({
    store: app.store,
    engine,
    audit,
    clock: systemClock,
    isAlive,
    bootId: self.bootId,
    runtimeDir: app.userRuntimeDir,
    ...choices,
  });
}

/** Without an engine prune still does what needs none, and says what it had to keep. */
async function engineIfAny(app: App): Promise<Engine | undefined> {
  try {
    return await app.engine();
  } catch (thrown) {
    if (toPaddockError(thrown).exitCode === 4) return undefined;
    throw thrown;
  }
}
