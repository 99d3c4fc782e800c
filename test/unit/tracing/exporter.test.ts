import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/kit/clock.js';
import { type ExporterLimits, SpanExporter } from '../../../src/tracing/exporter.js';
import type { Span } from '../../../src/tracing/span.js';
import { Collector } from '../../support/collector.js';

const span = (more: Partial<Span> = {}): Span => ({
  ...{ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), parentSpanId: undefined },
  ...{ name: 'tools/call x', kind: 'server', startMs: 1_700_000_000_000.25, durationMs: 2, error: undefined },
  attributes: { tool: 'x', absent: undefined, count: 3, share: 0.5, isNew: true },
  ...more,
});

function staged(url: string, limits: Partial<ExporterLimits> = {}) {
  const results: string[] = [];
  const exporter = new SpanExporter({
    ...{ url, resource: { 'service.name': 's' }, version: '1', clock: systemClock },
    onSpans: (result, count, why) => results.push(`${result} ${count} ${why ?? ''}`.trim()),
    limits: { delayMs: 1, pausesMs: [1, 1], ...limits },
  });
  return { exporter, results };
}

describe('what sends spans', () => {
  it('sends them as OTLP has them in JSON', async () => {
    await using collector = await Collector.start(200);
    const { exporter, results } = staged(`${collector.endpoint}/v1/traces`);
    exporter.add(span());
    exporter.add(span({ parentSpanId: 'c'.repeat(16), kind: 'client', error: 'ENGINE_TIMEOUT', attributes: {} }));
    await expect.poll(() => results).toEqual(['sent 2']);
    const [{ url, headers, body } = { url: '', headers: {}, body: '{}' }] = collector.requests;
    expect([url, headers['content-type'], headers['user-agent']]).toEqual([
      '/v1/traces',
      'application/json',
      'paddock/1',
    ]);
    const ids = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
    const times = { startTimeUnixNano: '1700000000000250000', endTimeUnixNano: '1700000000002250000' };
    const attributes = [
      { key: 'tool', value: { stringValue: 'x' } },
      { key: 'count', value: { intValue: '3' } },
      { key: 'share', value: { doubleValue: 0.5 } },
      { key: 'isNew', value: { boolValue: true } },
    ];
    const failed = [{ key: 'error.type', value: { stringValue: 'ENGINE_TIMEOUT' } }];
    const spans = [
      { ...ids, name: 'tools/call x', kind: 2, ...times, attributes, status: {} },
      {
        ...ids,
        parentSpanId: 'c'.repeat(16),
        name: 'tools/call x',
        kind: 3,
        ...times,
        attributes: failed,
        status: { code: 2 },
      },
    ];
    const resource = { attributes: [{ key: 'service.name', value: { stringValue: 's' } }] };
    expect(JSON.parse(body)).toEqual({
      resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'paddock', version: '1' }, spans }] }],
    });
    await exporter[Symbol.asyncDispose]();
  });

  it('tries again what may pass, and gives up what does not', async () => {
    await using collector = await Collector.start(503, 429, 200, 400);
    const { exporter, results } = staged(collector.endpoint);
    exporter.add(span());
    await expect.poll(() => results).toEqual(['sent 1']);
    exporter.add(span());
    await expect.poll(() => results).toEqual(['sent 1', 'failed 1 the collector answered with status 400']);
    expect(collector.requests).toHaveLength(4);
    await exporter[Symbol.asyncDispose]();
  });

  it('follows no redirect, and says of a collector that is not there no more than that', async () => {
    await using collector = await Collector.start(307);
    const { exporter, results } = staged(collector.endpoint);
    exporter.add(span());
    await expect.poll(() => results).toEqual(['failed 1 the collector answered with status 307']);
    await exporter[Symbol.asyncDispose]();
    const gone = await Collector.start(200);
    const { endpoint } = gone;
    await gone[Symbol.asyncDispose]();
    const other = staged(endpoint);
    other.exporter.add(span());
    await expect.poll(() => other.results).toEqual(['failed 1 the collector could not be reached (ECONNREFUSED)']);
    await other.exporter[Symbol.asyncDispose]();
  });

  it('drops what comes while too many wait, and sends full batches without waiting', async () => {
    await using collector = await Collector.start(200);
    const { exporter, results } = staged(collector.endpoint, { waiting: 5, batch: 4, delayMs: 3_600_000 });
    for (let i = 0; i < 6; i += 1) exporter.add(span());
    expect(results).toEqual(['dropped 1 more calls are traced than can be sent']);
    await expect.poll(() => results.slice(1)).toEqual(['sent 4', 'sent 1']);
    await exporter[Symbol.asyncDispose]();
  });

  it('sends what waits when the process ends, and does not wait for a collector that never answers', async () => {
    await using collector = await Collector.start(200);
    const { exporter, results } = staged(collector.endpoint, { delayMs: 3_600_000 });
    exporter.add(span());
    await exporter[Symbol.asyncDispose]();
    expect([results, collector.spans.length]).toEqual([['sent 1'], 1]);
    exporter.add(span());
    expect(results.at(-1)).toMatch(/^dropped 1/);

    await using deaf = await Collector.start(0);
    const other = staged(deaf.endpoint, { batch: 1, farewellMs: 1, attemptMs: 3_600_000 });
    for (let i = 0; i < 3; i += 1) other.exporter.add(span());
    await other.exporter[Symbol.asyncDispose]();
    expect(other.results.map((line) => line.split(' ', 2).join(' '))).toEqual(['failed 1', 'dropped 2']);
  });
});
