import { EngineError } from '../core/errors.js';
import { isSessionId } from '../core/ids.js';
import { labels } from '../core/labels.js';
import type { Engine, EngineEvent } from '../engine/types.js';
import type { Clock } from '../kit/clock.js';
import type { AlarmNotice, AlarmSink } from '../monitor/alarms/alarm.js';
import { changeOf, type EventListener, type ForeignChange, followEvents } from '../monitor/foreign-change.js';
import { provesOwnership } from './ownership.js';
import type { Session } from './session.js';
import type { RecordStore } from './store.js';

export interface ForeignWatchOptions {
  readonly engine: Pick<Engine, 'events' | 'inspectContainer'>;
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
    const { signal } = listening;
    const listener: EventListener = {
      onEvent: (event) => void this.#judge(event, signal).catch(() => undefined),
      onMissed: (what) => void this.#tell(missed[what], clock.now(), signal).catch(() => undefined),
    };
    void followEvents(engine, clock, listener, signal);
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
    const { clock, store } = this.#options;
    if (change === 'update' && this.#isUpdateOfOurs(session)) return;
    await clock.sleep(settleMs, signal);
    if (isOwn(session, change)) return;
    const record = await store.load(session.id);
    // Removed or being ended by us, from another process.
    if (record?.state !== 'running') return;
    const level = change === 'kill' || change === 'remove' || change === 'exec' ? 'critical' : 'warning';
    const text = `somebody else used the engine on its container: ${change}`;
    await this.#tell({ session: session.id, level, text }, event.timeMs, signal);
  }

  /** An alarm that is over after a minute. */
  async #tell(notice: Pick<AlarmNotice, 'session' | 'level' | 'text'>, atMs: number, signal: AbortSignal) {
    const { alarms, clock } = this.#options;
    alarms.raise({ kind: 'foreign-change', values: { atMs: Math.round(atMs) }, ...notice });
    await clock.sleep(clearAfterMs, signal);
    alarms.clear('foreign-change', notice.session);
  }

  /** Each change of limits here is one request; it is counted before it is made, and heard of afterwards. */
  #isUpdateOfOurs({ id, sandbox }: FollowedSession): boolean {
    const heard = this.#heardUpdates.get(id) ?? 0;
    if (heard >= sandbox.limitChanges) return false;
    this.#heardUpdates.set(id, heard + 1);
    return true;
  }

  /**
   * Another process of ours may be making it: its record was there before the container. The nonce of a record is known to its own
   * container and us; another one that has it is a copy, by somebody who can read what the engine knows.
   */
  async #judgeClaim(id: string, event: EngineEvent, signal: AbortSignal): Promise<void> {
    const { containerId, labels: said } = event;
    const record = isSessionId(id) ? await this.#options.store.load(id) : undefined;
    const names = [said['name'] ?? ''];
    if (isSessionId(id) && record === undefined && (await this.#isGone(containerId, signal))) return;
    if (record !== undefined && provesOwnership(record, { id: containerId, names, labels: said })) return;
    const which = /^[0-9a-f]{12,64}$/.test(containerId) ? containerId.slice(0, 12) : 'of an odd id';
    const isCopy = record !== undefined && record.nonce === said[labels.nonce];
    const but = isCopy ? 'and is not the one of that session' : 'and there is no such record';
    const text = `container ${which} has the labels of a session, ${but}`;
    const session = isCopy && this.#sessions.has(record.id) ? { session: record.id } : {};
    await this.#tell({ ...session, level: isCopy ? 'critical' : 'warning', text }, event.timeMs, signal);
  }

  /** As it is with a short session of another process of ours, over by the time that the engine tells of its start: Podman takes a quarter of a second. */
  async #isGone(containerId: string, signal: AbortSignal): Promise<boolean> {
    const { clock, engine } = this.#options;
    await clock.sleep(settleMs, signal);
    const look = engine.inspectContainer(containerId, signal).then(() => false);
    return await look.catch((error: unknown) => error instanceof EngineError && error.code === 'ENGINE_NOT_FOUND');
  }
}

const missed = {
  unreadable: {
    level: 'warning',
    text: 'the engine told of something done to a container in a line that can not be read',
  },
  pause: {
    level: 'warning',
    text: 'the engine could not be listened to, and does not tell what was done to containers meanwhile',
  },
} as const;

/**
 * Commands over the engine's exec are execs of ours, which nothing tells from those of others. An engine removes a container by itself when
 * that has ended, and says so as if somebody had; only one that was killed first was removed by somebody.
 */
function isOwn({ ending, sandbox }: FollowedSession, change: ForeignChange): boolean {
  if (ending.aborted) return true;
  return (change === 'exec' && sandbox.commandPath === 'exec') || (change === 'remove' && !sandbox.wasKilled);
}
