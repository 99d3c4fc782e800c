import { isSessionId } from '../core/ids.js';
import { labels } from '../core/labels.js';
import type { Engine, EngineEvent } from '../engine/types.js';
import type { Clock } from '../kit/clock.js';
import type { AlarmSink } from '../monitor/alarms/alarm.js';
import { changeOf, type ForeignChange, followEvents } from '../monitor/foreign-change.js';
import type { Session } from './session.js';
import type { RecordStore } from './store.js';

export interface ForeignWatchOptions {
  readonly engine: Pick<Engine, 'events'>;
  readonly store: Pick<RecordStore, 'load'>;
  readonly clock: Clock;
  readonly alarms: AlarmSink;
}

type FollowedSession = Pick<Session, 'id' | 'ending'> & {
  readonly sandbox: Pick<Session['sandbox'], 'commandPath' | 'limitChanges' | 'wasKilled'> & {
    readonly handle: { readonly containerId: string };
  };
};

/** Whoever of ours removes a session from another process takes its container first, and its record right after. */
const settleMs = 2000;
const clearAfterMs = 60_000;

/**
 * Listens to the engine while sessions are open, and raises an alarm when somebody else killed, removed, changed or entered one
 * of their containers, or when a container claims to be a session without a record. It only tells: nothing is undone, and no container is touched.
 */
export class ForeignWatch {
  readonly #options: ForeignWatchOptions;
  readonly #sessions = new Map<string, FollowedSession>();
  readonly #heardUpdates = new Map<string, number>();
  #listening: AbortController | undefined;

  constructor(options: ForeignWatchOptions) {
    this.#options = options;
  }

  /** Listens until what is returned is disposed, for the last one. */
  watch(session: FollowedSession): AsyncDisposable {
    this.#sessions.set(session.id, session);
    this.#listen();
    return {
      [Symbol.asyncDispose]: () => {
        this.#sessions.delete(session.id);
        this.#heardUpdates.delete(session.id);
        if (this.#sessions.size === 0) {
          this.#listening?.abort();
          this.#listening = undefined;
        }
        return Promise.resolve();
      },
    };
  }

  #listen(): void {
    if (this.#listening !== undefined) return;
    const listening = new AbortController();
    this.#listening = listening;
    const { engine, clock } = this.#options;
    const onEvent = (event: EngineEvent) => void this.#judge(event, listening.signal).catch(() => undefined);
    void followEvents(engine, clock, onEvent, listening.signal);
  }

  async #judge(event: EngineEvent, signal: AbortSignal): Promise<void> {
    const isOf = ({ sandbox }: FollowedSession) => sandbox.handle.containerId === event.containerId;
    const session = [...this.#sessions.values()].find(isOf);
    const claimed = event.labels[labels.session];
    if (session !== undefined) await this.#judgeOwn(session, event, signal);
    else if (claimed !== undefined && event.action === 'start') await this.#judgeClaim(claimed, event, signal);
  }

  async #judgeOwn(session: FollowedSession, event: EngineEvent, signal: AbortSignal): Promise<void> {
    const change = changeOf(event);
    if (change === undefined) return;
    const { clock, store, alarms } = this.#options;
    if (change === 'update' && this.#isUpdateOfOurs(session)) return;
    await clock.sleep(settleMs, signal);
    if (isOwn(session, change)) return;
    const record = await store.load(session.id);
    // Removed or being ended by us, from another process.
    if (record?.state !== 'running') return;
    const level = change === 'kill' || change === 'remove' || change === 'exec' ? 'critical' : 'warning';
    const text = `somebody else used the engine on its container: ${change}`;
    alarms.raise({
      session: session.id,
      kind: 'foreign-change',
      level,
      text,
      values: { atMs: Math.round(event.timeMs) },
    });
    await clock.sleep(clearAfterMs, signal);
    alarms.clear('foreign-change', session.id);
  }

  /** Each change of limits here is one request; it is counted before it is made, and heard of afterwards. */
  #isUpdateOfOurs({ id, sandbox }: FollowedSession): boolean {
    const heard = this.#heardUpdates.get(id) ?? 0;
    if (heard >= sandbox.limitChanges) return false;
    this.#heardUpdates.set(id, heard + 1);
    return true;
  }

  /** Another process of ours may be making it: its record was there before the container. */
  async #judgeClaim(id: string, event: EngineEvent, signal: AbortSignal): Promise<void> {
    const { clock, store, alarms } = this.#options;
    const record = isSessionId(id) ? await store.load(id) : undefined;
    if (record !== undefined && record.nonce === event.labels[labels.nonce]) return;
    const which = /^[0-9a-f]{12,64}$/.test(event.containerId) ? event.containerId.slice(0, 12) : 'of an odd id';
    const text = `container ${which} has the labels of a session, and there is no such record`;
    alarms.raise({ kind: 'foreign-change', level: 'warning', text, values: { atMs: Math.round(event.timeMs) } });
    await clock.sleep(clearAfterMs, signal);
    alarms.clear('foreign-change');
  }
}

/**
 * Commands over the engine's exec are execs of ours, which nothing tells from those of others. An engine removes a container by itself when
 * that has ended, and says so as if somebody had; only one that was killed first was removed by somebody.
 */
function isOwn({ ending, sandbox }: FollowedSession, change: ForeignChange): boolean {
  if (ending.aborted) return true;
  return (change === 'exec' && sandbox.commandPath === 'exec') || (change === 'remove' && !sandbox.wasKilled);
}
