import { describe, expect, it } from 'vitest';
import { newSampler } from '../../../src/tracing/sampler.js';
import { readTraceparent } from '../../../src/tracing/traceparent.js';

const [trace, span] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];

describe('a traceparent', () => {
  it.each([
    [`00-${trace}-${span}-01`, true],
    [`00-${trace}-${span}-00`, false],
    [`00-${trace}-${span}-fe`, false],
    [`cc-${trace}-${span}-03`, true],
    [`cc-${trace}-${span}-01-what-will-be`, true],
  ])('is read where it is one: %s', (text, isSampled) => {
    expect(readTraceparent(text)).toEqual({ traceId: trace, spanId: span, isSampled });
  });

  it.each([
    ...[undefined, null, 1, {}, ['00'], '', 'x', `00-${trace}-${span}`, `00-${trace}-${span}-1`],
    ...[`00-${trace}-${span}-01-more`, `ff-${trace}-${span}-01`, `cc-${trace}-${span}-01.more`],
    ...[`00-${trace.toUpperCase()}-${span}-01`, `00-${'0'.repeat(32)}-${span}-01`, `00-${trace}-${'0'.repeat(16)}-01`],
    ...[` 00-${trace}-${span}-01`, `00-${trace}-${span}-01\n`, `00-${trace}-${span}-01, 00-${trace}-${span}-01`],
    `cc-${trace}-${span}-01-${'x'.repeat(500)}`,
  ])('is passed over where it is none: %j', (value) => {
    expect(readTraceparent(value)).toBeUndefined();
  });
});

describe('a sampler', () => {
  const parent = (isSampled: boolean) => ({ traceId: trace, spanId: span, isSampled });

  it.each([
    ['always_on', true, [true, true, true]],
    ['always_off', true, [false, false, false]],
    ['parentbased_always_on', true, [true, false, true]],
    ['parentbased_always_off', true, [false, false, true]],
  ] as const)('%s decides for itself, or as the caller does', (name, _, expected) => {
    const isSampled = newSampler(name, 1);
    expect([isSampled(trace, undefined), isSampled(trace, parent(false)), isSampled(trace, parent(true))]).toEqual(
      expected,
    );
  });

  it('takes the share that it should, and of one trace always the same', () => {
    const ids = Array.from(
      { length: 1000 },
      (_, i) =>
        `${'0'.repeat(19)}${Math.floor((i / 1000) * 16 ** 13)
          .toString(16)
          .padStart(13, '0')}`,
    );
    const taken = (ratio: number) => ids.filter((id) => newSampler('traceidratio', ratio)(id, undefined)).length;
    expect([taken(0), taken(0.25), taken(1)]).toEqual([0, 250, 1000]);
    const own = newSampler('parentbased_traceidratio', 0);
    expect([own(trace, parent(true)), own(trace, undefined)]).toEqual([true, false]);
  });
});
