import { join } from 'node:path';
import { toPaddockError } from '../core/errors.js';
import type { Engine } from '../engine/types.js';
import { systemClock } from '../kit/clock.js';
import { ownIdentity } from '../kit/process-identity.js';
import { pruneSessions } from '../session/prune.js';
import type { PruneReport } from '../session/prune-report.js';
import { type DueParts, isPruneDue, reapOnTimer } from '../session/reaper.js';
import { sweepOpened } from '../workspace/sealed/opened-folders.js';
import type { App } from './app.js';
import { sessionCopies, snapshotsFolder } from './session-copies.js';

export interface PruneChoices {
  readonly isDryRun: boolean;
  /** Nobody asked for it. */
  readonly isByItself?: boolean;
  /** Default 5 s. */
  readonly pendingWaitMs?: number;
  readonly signal: AbortSignal;
}

/** Prunes this user's sessions with what the app has at hand. Errors: AUDIT_UNWRITABLE, INTERRUPTED. */
export async function pruneHere(app: App, choices: PruneChoices): Promise<PruneReport> {
  const [audit, engine, parts] = await Promise.all([app.audit(), engineIfAny(app), judgeParts(app)]);
  const report = await pruneSessions({ ...parts, engine, audit, runtimeDir: app.userRuntimeDir, ...choices });
  const { snapshots } = await sessionCopies(app);
  const { isDryRun } = choices;
  return {
    ...report,
    files: [
      ...report.files,
      ...(await snapshots.sweep(isDryRun, choices)),
      ...(await sweepOpened(openedFolder(app), isDryRun, parts.isAlive)),
    ],
  };
}

/**
 * Prunes beside a command when something is due, and then only: every process of ours is a reaper. What fails is left to the next
 * one. Disposing waits for it, so that the app outlives it.
 */
export function reapBeside(app: App, signal: AbortSignal): AsyncDisposable {
  const reaping = judgeParts(app)
    .then((parts) => isDueHere(app, parts))
    // What an engine may still come up with is left to a later one: nobody waits for it here.
    .then((isDue) =>
      isDue ? pruneHere(app, { isDryRun: false, isByItself: true, pendingWaitMs: 0, signal }) : undefined,
    )
    .catch(() => undefined);
  return {
    [Symbol.asyncDispose]: async () => {
      await reaping;
    },
  };
}

/** The same for a process that stays, again and again. The caller disposes it before the app. */
export async function reapWhileOpen(app: App, onFailure: (error: unknown) => void): Promise<AsyncDisposable> {
  const parts = await judgeParts(app);
  return reapOnTimer({
    clock: systemClock,
    isDue: () => isDueHere(app, parts),
    prune: (signal) => pruneHere(app, { isDryRun: false, isByItself: true, signal }),
    onFailure,
  });
}

/**
 * Removes what processes that were killed have left in clear of what is encrypted, for a server that begins: the rest of a prune waits for its first call,
 * which may never come. What fails is left to that. Disposing waits for it.
 */
export function dropLeftOpened(app: App): AsyncDisposable {
  const dropping = sweepOpened(openedFolder(app), false, (owner) => app.isAlive(owner)).catch(() => undefined);
  return {
    [Symbol.asyncDispose]: async () => {
      await dropping;
    },
  };
}

/** What is left in clear of what was opened makes one due as well. */
async function isDueHere(app: App, parts: DueParts): Promise<boolean> {
  return (await isPruneDue(parts)) || (await sweepOpened(openedFolder(app), true, parts.isAlive)).length > 0;
}

function openedFolder({ config }: App): string {
  return join(config.stateDir, 'opened');
}

async function judgeParts(app: App): Promise<DueParts> {
  const { bootId } = await ownIdentity();
  const { store } = app;
  const isAlive: DueParts['isAlive'] = (owner) => app.isAlive(owner);
  return { store, clock: systemClock, isAlive, bootId, snapshotsFolder: snapshotsFolder(app) };
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
