import { randomBytes } from 'node:crypto';
import type { HeardRecord } from '../audit/heard-audit.js';
import { toPaddockError } from '../core/errors.js';
import type { Clock } from '../kit/clock.js';
import type { Attributes, OnSpans, Span } from './span.js';
import type { ParentSpan } from './traceparent.js';

export interface CallTraceParts {
  readonly clock: Clock;
  readonly add: (span: Span) => void;
  readonly onSpans: OnSpans;
  readonly name: string;
  /** Of its own span. */
  readonly attributes: Attributes;
  readonly traceId: string;
  readonly parent: ParentSpan | undefined;
}

export type ChildSpan = Pick<Span, 'name' | 'kind' | 'durationMs' | 'error' | 'attributes'>;

/** A call that copies a project, or waits for an engine, asks it many times. */
const mostSpans = 256;

/** The trace of one call: its own span, and those of what it leads to, which are below it. */
export class CallTrace {
  readonly #parts: CallTraceParts;
  readonly #spanId = newSpanId();
  readonly #startMs: number;
  readonly #startMonotonicMs: number;
  #isOver = false;
  #spans = 0;
  #refused: { readonly code: string; readonly rule: string | undefined } | undefined;
  #session: string | undefined;

  constructor(parts: CallTraceParts) {
    this.#parts = parts;
    this.#startMs = parts.clock.now();
    this.#startMonotonicMs = parts.clock.monotonic();
  }

  /**
   * Something that ended just now. What a call began and left behind, such as a listener of the engine's events, hears itself as a part of it for ever:
   * after the end only what `isLate` says counts.
   */
  child(span: ChildSpan, isLate = false): void {
    if (this.#isOver && !isLate) return;
    if (this.#spans >= mostSpans) {
      this.#parts.onSpans('dropped', 1, 'a call had too many spans');
      return;
    }
    this.#spans += 1;
    const sinceMs = this.#parts.clock.monotonic() - this.#startMonotonicMs;
    const startMs = this.#startMs + sinceMs - span.durationMs;
    const { traceId } = this.#parts;
    this.#parts.add({ ...span, traceId, spanId: newSpanId(), parentSpanId: this.#spanId, startMs });
  }

  /** A record of the audit log was written, or could not be. */
  recorded({ action, phase, result, rule, session, durationMs, isWritten }: HeardRecord): void {
    this.#session ??= session;
    if (action === 'tool.refused') this.#refused = { code: result ?? 'INTERNAL', rule };
    const attributes = { 'paddock.audit.action': action, 'paddock.audit.phase': phase };
    const error = isWritten ? undefined : 'AUDIT_UNWRITABLE';
    this.child({ name: 'audit', kind: 'internal', durationMs, attributes, error });
  }

  /** It threw, which the audit log may not have said. */
  failed(thrown: unknown): void {
    const { code, info } = toPaddockError(thrown);
    const { ruleId } = info;
    this.#refused ??= { code, rule: typeof ruleId === 'string' ? ruleId : undefined };
  }

  end(): void {
    this.#isOver = true;
    const { clock, add, traceId, parent, name, attributes } = this.#parts;
    add({
      ...{ traceId, spanId: this.#spanId, parentSpanId: parent?.spanId, name, kind: 'server' },
      ...{ startMs: this.#startMs, durationMs: clock.monotonic() - this.#startMonotonicMs, error: this.#refused?.code },
      attributes: { ...attributes, 'paddock.session': this.#session, 'paddock.rule': this.#refused?.rule },
    });
  }
}

function newSpanId(): string {
  return randomBytes(8).toString('hex');
}
