import type { HeardRecord } from '../audit/heard-audit.js';
import { type Details, Plain } from '../audit/redaction.js';
import type { Clock } from '../kit/clock.js';
import type { CallTrace } from './call-trace.js';

/** An action whose outcome nobody has heard of yet. */
interface Begun {
  readonly call: CallTrace;
  readonly atMs: number;
}

/** More actions are not at work at a time; of those beyond there are no spans. */
const mostBegun = 4096;

/** Spans of what goes from an intent of the audit log to its outcome, which a command may outlive its call by. */
export class Actions {
  readonly #clock: Clock;
  readonly #begun = new Map<string, Begun>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  heard({ id, phase, action, result, session, details, rule }: HeardRecord, call: CallTrace | undefined): void {
    if (id === undefined) return;
    const atMs = this.#clock.monotonic();
    if (phase === 'intent' && call !== undefined && this.#begun.size < mostBegun) this.#begun.set(id, { call, atMs });
    if (phase !== 'outcome') return;
    const begun = this.#begun.get(id);
    this.#begun.delete(id);
    const attributes = {
      'paddock.session': session,
      'paddock.rule': rule,
      'paddock.command.reason': wordOf(details, 'reason'),
    };
    const error = result === 'ok' ? undefined : (result ?? 'INTERNAL');
    const durationMs = atMs - (begun?.atMs ?? atMs);
    begun?.call.child({ name: action, kind: 'internal', durationMs, attributes, error }, true);
  }
}

function wordOf(details: Details | undefined, key: string): string | undefined {
  const value = details?.[key];
  return value instanceof Plain ? value.text : undefined;
}
