import { toPaddockError } from '../core/errors.js';
import type { Engine, EngineEvent } from '../engine/types.js';
import type { Clock } from '../kit/clock.js';

/** What somebody can do to a container through its engine that changes it, or gets into it. */
export const foreignChanges = [
  'kill',
  'stop',
  'restart',
  'pause',
  'unpause',
  'rename',
  'update',
  'remove',
  'exec',
  'copy',
  'commit',
  'export',
  'checkpoint',
  'restore',
] as const;
export type ForeignChange = (typeof foreignChanges)[number];

/** The engines' own words, where they differ. Docker writes the command behind `exec_create`, after a colon. */
const otherWords: ReadonlyMap<string, ForeignChange> = new Map([
  ['destroy', 'remove'],
  ['exec_create', 'exec'],
  ['exec_start', 'exec'],
  // Of an exec over its API, Podman tells the end only.
  ['exec_die', 'exec'],
  ['exec_died', 'exec'],
  ['archive-path', 'copy'],
  ['extract-to-dir', 'copy'],
]);
const known: ReadonlySet<string> = new Set(foreignChanges);

/** Undefined for what is no change, and for what a container does by itself. */
export function changeOf({ action }: Pick<EngineEvent, 'action'>): ForeignChange | undefined {
  const word = action.split(':', 1)[0] ?? '';
  return otherWords.get(word) ?? (known.has(word) ? (word as ForeignChange) : undefined);
}

const firstPauseMs = 1000;
const longestPauseMs = 60_000;

export interface EventListener {
  onEvent(event: EngineEvent): void;
  /** Something happened that can't be told: a line of the engine's that can't be read, or a pause that it has no account of. */
  onMissed(what: 'unreadable' | 'pause'): void;
}

/**
 * Gives every event of containers to the listener until the signal fires: one long request, made anew when it breaks, after a pause that
 * doubles until something comes, from where it broke. Not by label: Podman's events of execs have none.
 */
export async function followEvents(
  engine: Pick<Engine, 'events'>,
  clock: Clock,
  listener: EventListener,
  signal: AbortSignal,
): Promise<void> {
  let pauseMs = firstPauseMs;
  const heard = new HeardEvents(clock.now());
  const onUnreadable = () => listener.onMissed('unreadable');
  for (let resume: { sinceMs?: number } = {}; !signal.aborted; ) {
    try {
      for await (const event of engine.events([], signal, { ...resume, onUnreadable })) {
        pauseMs = firstPauseMs;
        if (heard.isNew(event)) listener.onEvent(event);
      }
      resume = { sinceMs: heard.resume() };
    } catch (thrown) {
      // An engine that is gone may be back, or another, at the next try. One that answered keeps no account of what was.
      const hasNoAccount = resume.sinceMs !== undefined && toPaddockError(thrown).code === 'ENGINE_FAILED';
      if (hasNoAccount) listener.onMissed('pause');
      resume = hasNoAccount ? {} : { sinceMs: heard.resume() };
    }
    await clock.sleep(pauseMs, signal).catch(() => undefined);
    pauseMs = Math.min(longestPauseMs, pauseMs * 2);
  }
}

/** More than that in one second may be told twice. */
const mostHeard = 1024;

/** What has been heard in the last second: an engine that is asked what was since then tells it again. */
class HeardEvents {
  #second: number;
  #keys: string[] = [];
  #again: string[] = [];

  constructor(nowMs: number) {
    this.#second = Math.floor(nowMs / 1000);
  }

  /** From when on the engine has to tell. */
  resume(): number {
    this.#again = [...this.#keys];
    return this.#second * 1000;
  }

  isNew({ timeMs, containerId, action }: EngineEvent): boolean {
    const key = `${timeMs} ${containerId} ${action}`;
    const at = this.#again.indexOf(key);
    if (at >= 0) {
      this.#again.splice(at, 1);
      return false;
    }
    const second = Math.floor(timeMs / 1000);
    if (second > this.#second) {
      this.#second = second;
      this.#keys = [];
    }
    if (second === this.#second && this.#keys.length < mostHeard) this.#keys.push(key);
    return true;
  }
}
