/** The span of a caller that a call belongs to. */
export interface ParentSpan {
  /** 32 hexadecimal digits, small, not all 0. */
  readonly traceId: string;
  /** 16 of them. */
  readonly spanId: string;
  /** Whether the caller records its own. */
  readonly isSampled: boolean;
}

const longest = 256;

/**
 * Reads a `traceparent` of W3C Trace Context, level 1; undefined where it is not one to the letter. Callers write it: nothing of it but these
 * digits gets any further. A later version may have more at its end, of which nothing is read.
 */
export function readTraceparent(value: unknown): ParentSpan | undefined {
  if (typeof value !== 'string' || value.length > longest) return undefined;
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(value);
  if (match === null) return undefined;
  const [, version, traceId = '', spanId = '', flags = '00', more] = match;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}
