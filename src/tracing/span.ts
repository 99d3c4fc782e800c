/** Words and numbers of ours: never an argument, a path, a command line, output, or a text of a caller's. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** Something that took time, and is over. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client';
  /** Milliseconds since the epoch. */
  readonly startMs: number;
  readonly durationMs: number;
  /** An error code; undefined: it went well. */
  readonly error: string | undefined;
  readonly attributes: Attributes;
}

/** What became of spans: `dropped` where too many waited, or one call had too many. */
export type SpanResult = 'sent' | 'failed' | 'dropped';
export const spanResults = ['sent', 'failed', 'dropped'] as const satisfies readonly SpanResult[];

/** Hears what became of spans, and why not, in words that give nothing away. Must not throw. */
export type OnSpans = (result: SpanResult, count: number, why?: string) => void;
