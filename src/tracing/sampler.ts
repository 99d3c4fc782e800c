import type { SamplerName } from '../core/tracing.js';
import type { ParentSpan } from './traceparent.js';

/** 13 hexadecimal digits are as much as a number holds to the last bit. */
const digits = 13;

/** Whether calls are traced. `ratio`, from 0 to 1, goes by the trace's id, so that everybody in a trace decides alike. */
export function newSampler(
  name: SamplerName,
  ratio: number,
): (traceId: string, parent: ParentSpan | undefined) => boolean {
  const own = (traceId: string): boolean => {
    if (!name.endsWith('traceidratio')) return name.endsWith('on');
    const random = Number.parseInt(traceId.slice(-digits), 16) / 16 ** digits;
    return random < ratio;
  };
  const asParent = name.startsWith('parentbased_');
  return (traceId, parent) => (asParent && parent !== undefined ? parent.isSampled : own(traceId));
}
