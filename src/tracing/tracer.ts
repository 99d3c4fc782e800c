import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import type { HeardRecord } from '../audit/heard-audit.js';
import type { HeardCall } from '../engine/heard-engine.js';
import type { Clock } from '../kit/clock.js';
import { Actions } from './actions.js';
import { CallTrace, type CallTraceParts } from './call-trace.js';
import type { OnSpans, Span } from './span.js';
import { type ParentSpan, readTraceparent } from './traceparent.js';

export interface TracerOptions {
  readonly clock: Clock;
  readonly isSampled: (traceId: string, parent: ParentSpan | undefined) => boolean;
  /** Takes each span once it is over. Must not throw, or wait for anybody. */
  readonly add: (span: Span) => void;
  readonly onSpans: OnSpans;
}

/** One tool call, as far as a tracer sees it. */
export interface TracedCall {
  /** Of ours: a name that there is. */
  readonly tool: string;
  /** What the caller says that the call belongs to, the likeliest first; anything at all. */
  readonly traceparents: readonly unknown[];
}

/**
 * Makes traces of tool calls, and of what shells ask: one for each, with a span for what policy, the engine, commands and the audit log had to do with it. It hears of these
 * as metrics do, and knows by the asynchronous context which call they belong to; what belongs to none is in no trace.
 */
export class Tracer {
  /** Of the audit log and the engine. */
  readonly heard: {
    readonly onRecord: (record: HeardRecord) => void;
    readonly onCall: (call: HeardCall) => void;
  };
  /** Runs a call, within a trace where it is one that is traced. Throws what `run` throws. */
  readonly calls = async <T>({ tool, traceparents }: TracedCall, run: () => Promise<T>): Promise<T> => {
    const attributes = { 'mcp.method.name': 'tools/call', 'gen_ai.tool.name': tool };
    return await this.#traced({ name: `tools/call ${tool}`, attributes, parent: firstOf(traceparents) }, run);
  };
  /** The same for what a shell asks of whoever holds a session: a trace of its own, called by `operation`, which is a word of ours. */
  readonly visits = async <T>(operation: string, run: () => Promise<T>): Promise<T> =>
    await this.#traced({ name: `paddock ${operation}`, attributes: {}, parent: undefined }, run);
  /** Policy has judged what the call asks for. */
  readonly decided = (verdict: 'allow' | 'deny', rule: string | undefined, durationMs: number): void => {
    const attributes = { 'paddock.verdict': verdict, 'paddock.rule': rule };
    this.#calls.getStore()?.child({ name: 'policy', kind: 'internal', durationMs, attributes, error: undefined });
  };
  readonly #options: TracerOptions;
  readonly #calls = new AsyncLocalStorage<CallTrace | undefined>();
  readonly #actions: Actions;

  constructor(options: TracerOptions) {
    this.#options = options;
    this.#actions = new Actions(options.clock);
    this.heard = { onRecord: (record) => this.#onRecord(record), onCall: (call) => this.#onCall(call) };
  }

  async #traced<T>(root: Pick<CallTraceParts, 'name' | 'attributes' | 'parent'>, run: () => Promise<T>): Promise<T> {
    const { parent } = root;
    const traceId = parent?.traceId ?? randomBytes(16).toString('hex');
    if (!this.#options.isSampled(traceId, parent)) return await this.#calls.run(undefined, run);
    const { clock, add, onSpans } = this.#options;
    const call = new CallTrace({ clock, add, onSpans, traceId, ...root });
    try {
      return await this.#calls.run(call, run);
    } catch (thrown) {
      call.failed(thrown);
      throw thrown;
    } finally {
      call.end();
    }
  }

  #onCall({ operation, result, durationMs }: HeardCall): void {
    const [attributes, error] = [{ 'paddock.engine.operation': operation }, result === 'ok' ? undefined : result];
    this.#calls.getStore()?.child({ name: `engine ${operation}`, kind: 'client', durationMs, attributes, error });
  }

  #onRecord(record: HeardRecord): void {
    const call = this.#calls.getStore();
    this.#actions.heard(record, call);
    call?.recorded(record);
  }
}

function firstOf(traceparents: readonly unknown[]): ParentSpan | undefined {
  for (const text of traceparents) {
    const parent = readTraceparent(text);
    if (parent !== undefined) return parent;
  }
  return undefined;
}
