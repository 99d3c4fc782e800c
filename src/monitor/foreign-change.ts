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

/**
 * Gives every event of containers to `onEvent` until the signal fires: one long request, made anew when it breaks, after a pause that
 * doubles until something comes. What happens in between is not seen. Not by label: Podman's events of execs have none.
 */
export async function followEvents(
  engine: Pick<Engine, 'events'>,
  clock: Clock,
  onEvent: (event: EngineEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  let pauseMs = firstPauseMs;
  while (!signal.aborted) {
    try {
      for await (const event of engine.events([], signal)) {
        pauseMs = firstPauseMs;
        onEvent(event);
      }
    } catch {
      // An engine that is gone, or that says what can't be read: it may be back, or another, at the next try.
    }
    await clock.sleep(pauseMs, signal).catch(() => undefined);
    pauseMs = Math.min(longestPauseMs, pauseMs * 2);
  }
}
