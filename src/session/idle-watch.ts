import type { AuditRecorder } from '../audit/audit-log.js';
import { audited } from '../audit/audited.js';
import type { Clock } from '../kit/clock.js';
import { idleRule } from './ended.js';
import type { SessionRecord } from './record.js';
import type { Session } from './session.js';
import type { RecordStore } from './store.js';

export interface IdleWatchParts {
  readonly store: Pick<RecordStore, 'save'>;
  readonly audit: AuditRecorder;
  readonly clock: Clock;
}

/** What is watched of a session. */
export type WatchedSession = Pick<Session, 'id' | 'record' | 'idleness' | 'sandbox' | 'end'>;

/** Timers take no more than 31 bits of milliseconds. */
const longestSleepMs = 3_600_000;
/** How long to wait before what failed is tried again; no command gets in meanwhile. */
const retryMs = 30_000;

/**
 * Ends a session when it has been idle for too long: kept by whoever holds it. Its record says why before its sandbox goes, and stays
 * as that of one past its deadline does. Disposing stops the watch and waits for nothing.
 */
export function watchIdle(session: WatchedSession, parts: IdleWatchParts): AsyncDisposable {
  const stop = new AbortController();
  void watch(session, parts, stop.signal);
  return {
    [Symbol.asyncDispose]: () => {
      stop.abort();
      return Promise.resolve();
    },
  };
}

async function watch(session: WatchedSession, parts: IdleWatchParts, signal: AbortSignal): Promise<void> {
  const { idleness } = session;
  const sleep = (ms: number, until = signal) => parts.clock.sleep(ms, until).catch(() => undefined);
  while (!signal.aborted && session.sandbox.alive) {
    if (!idleness.callTime()) {
      // Whatever uses it now may end at once: it is over a whole timeout from now at the soonest.
      const leftMs = idleness.leftMs ?? idleness.timeoutMs ?? longestSleepMs;
      await sleep(Math.min(longestSleepMs, Math.max(1, leftMs)), AbortSignal.any([signal, idleness.changed]));
    } else {
      await endIdle(session, parts).catch(() => sleep(retryMs));
    }
  }
}

async function endIdle(session: WatchedSession, { store, audit }: IdleWatchParts): Promise<void> {
  const ending: SessionRecord = { ...session.record, state: 'ending', endedBecause: 'idle' };
  await audited(audit, {
    action: 'session.expire',
    session: session.id,
    rule: idleRule,
    details: { idleTimeoutMs: session.idleness.timeoutMs ?? 0 },
    run: async () => {
      // Where it can't be written down, it ends all the same.
      await store.save(ending).catch(() => undefined);
      await session.end();
    },
  });
}
