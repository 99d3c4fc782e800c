import type { AlarmThresholds } from '../../core/alarm-thresholds.js';
import { PolicyDenied, toPaddockError } from '../../core/errors.js';
import type { Clock } from '../../kit/clock.js';
import type { AlarmSink } from './alarm.js';
import { Burst, type Culprit } from './burst.js';

/** What was denied: a call of a caller's, a connection of a sandbox's, or its call of a model. */
export const deniedWays = ['call', 'connection', 'model'] as const;
export type DeniedWay = (typeof deniedWays)[number];

/** Hears of each. Must not throw. */
export interface DenialsHeard {
  readonly onDenied?: ((way: DeniedWay, ruleId: string) => void) | undefined;
  /** A call named a session that its caller does not have. */
  readonly onUnknownSession?: (() => void) | undefined;
}

export interface DenialsOptions {
  readonly sink: AlarmSink;
  readonly clock: Clock;
  readonly thresholds: AlarmThresholds;
  readonly heard?: DenialsHeard | undefined;
}

/**
 * Counts what is refused to the callers and the sandboxes of one process, those who come in over its control sockets included: many in a
 * row are somebody who probes, or one that does not read. Whoever guesses at session ids learns nothing by it, but shows.
 */
export class Denials {
  readonly #heard: DenialsHeard;
  readonly #calls: Burst;
  readonly #connections: Burst;
  readonly #unknown: Burst;

  constructor({ sink, clock, thresholds, heard = {} }: DenialsOptions) {
    const { denials: count, denialsWithinMs: withinMs, unknownSessions } = thresholds;
    const parts = { sink, clock, count, withinMs };
    this.#heard = heard;
    this.#calls = new Burst({ ...parts, kind: 'denials', words: ['policy refused', 'calls'] });
    this.#connections = new Burst({ ...parts, kind: 'egress-denials', words: ['policy refused', 'connections'] });
    const unknown = ['there were', 'calls for sessions that are not their caller’s'] as const;
    this.#unknown = new Burst({ ...parts, kind: 'unknown-sessions', count: unknownSessions, words: unknown });
  }

  /** `by`: whose it was, where that is known. */
  add(way: DeniedWay, ruleId: string, by?: Culprit): void {
    this.#heard.onDenied?.(way, ruleId);
    (way === 'call' ? this.#calls : this.#connections).add(by);
  }

  /** A call that failed, whatever by: denials and foreign sessions count, other errors do not. */
  failed(error: unknown, by?: Culprit): void {
    if (error instanceof PolicyDenied) this.add('call', error.ruleId, by);
    if (toPaddockError(error).code !== 'NO_SUCH_SESSION') return;
    this.#heard.onUnknownSession?.();
    this.#unknown.add(by);
  }
}
