import type { Attributes, Span } from './span.js';

/** Numbers of opentelemetry.proto.trace.v1. */
const kinds = { internal: 1, server: 2, client: 3 } as const;
const errorStatus = 2;

/**
 * Spans as the body of an OTLP/HTTP request in JSON: `ExportTraceServiceRequest` by the rules of proto3, except that ids are hexadecimal and
 * enumerations numbers, as OTLP has it. 64-bit integers are texts.
 */
export function otlpJson(spans: readonly Span[], resource: Attributes, version: string): string {
  const scope = { name: 'paddock', version };
  const scopeSpans = [{ scope, spans: spans.map(spanJson) }];
  return JSON.stringify({ resourceSpans: [{ resource: { attributes: attributesJson(resource) }, scopeSpans }] });
}

function spanJson({ traceId, spanId, parentSpanId, name, kind, startMs, durationMs, error, attributes }: Span): object {
  return {
    ...{ traceId, spanId, ...(parentSpanId === undefined ? {} : { parentSpanId }) },
    ...{ name, kind: kinds[kind], startTimeUnixNano: nanos(startMs), endTimeUnixNano: nanos(startMs + durationMs) },
    attributes: attributesJson({ ...attributes, 'error.type': error }),
    status: error === undefined ? {} : { code: errorStatus },
  };
}

/** To the microsecond, which is as far as a number of milliseconds goes. */
function nanos(ms: number): string {
  return `${Math.round(ms * 1000)}000`;
}

function attributesJson(attributes: Attributes): readonly object[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: valueJson(value) }],
  );
}

function valueJson(value: string | number | boolean): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
