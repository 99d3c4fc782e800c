import { describe, expect, it } from 'vitest';
import { heardAudit } from '../../../src/audit/heard-audit.js';
import { plain } from '../../../src/audit/redaction.js';
import { deferred } from '../../../src/kit/deferred.js';
import type { Span } from '../../../src/tracing/span.js';
import { Tracer } from '../../../src/tracing/tracer.js';
import { InMemoryAudit } from '../session/support/audit.js';
import { HeldClock } from '../tools/support/stage.js';

function staged(isSampled = true) {
  const clock = new HeldClock();
  const spans: Span[] = [];
  const lost: string[] = [];
  const tracer = new Tracer({
    ...{ clock, isSampled: () => isSampled, add: (span) => void spans.push(span) },
    onSpans: (result, count) => void lost.push(`${result} ${count}`),
  });
  const log = new InMemoryAudit();
  const bare = { path: '/x', [Symbol.asyncDispose]: () => Promise.resolve() };
  const whole = Object.assign(bare, { intent: log.intent.bind(log), event: log.event.bind(log), forCaller: () => log });
  const audit = heardAudit(whole, tracer.heard.onRecord);
  const named = (name: string) => spans.filter((span) => span.name === name);
  return { clock, spans, lost, tracer, log, audit, named };
}

const call = (...traceparents: readonly unknown[]) => ({ tool: 'create_session', traceparents });
const [trace, caller] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];

describe('the trace of a call', () => {
  it('has policy, engine, audit log and action below the call, with their times', async () => {
    const { tracer, audit, clock, spans, named } = staged();
    const value = await tracer.calls(call(), async () => {
      const intent = await audit.intent('session.create', { session: 'pdk_x' });
      tracer.decided('allow', undefined, 1);
      clock.nowMs += 300;
      tracer.heard.onCall({ operation: 'startContainer', result: 'ENGINE_TIMEOUT', durationMs: 250 });
      await intent.outcome('ok', { details: { image: plain('host') } });
      return 7;
    });
    expect(value).toBe(7);
    const [root] = spans.slice(-1);
    expect(root).toMatchObject({
      name: 'tools/call create_session',
      kind: 'server',
      startMs: 1_000_000,
      durationMs: 300,
    });
    expect(root?.attributes).toMatchObject({ 'gen_ai.tool.name': 'create_session', 'paddock.session': 'pdk_x' });
    expect(spans.map(({ name }) => name)).toEqual([
      ...['audit', 'policy', 'engine startContainer', 'session.create', 'audit', 'tools/call create_session'],
    ]);
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
    for (const { parentSpanId } of spans.slice(0, -1)) expect(parentSpanId).toBe(root?.spanId);
    expect(root).toMatchObject({ parentSpanId: undefined, error: undefined });
    expect(named('engine startContainer')).toMatchObject([
      { kind: 'client', startMs: 1_000_050, durationMs: 250, error: 'ENGINE_TIMEOUT' },
    ]);
    expect(named('session.create')).toMatchObject([{ startMs: 1_000_000, durationMs: 300, error: undefined }]);
  });

  it('goes on with that of the caller, by the first text that says which', async () => {
    const { tracer, spans } = staged();
    const parent = `00-${trace}-${caller}-01`;
    await tracer.calls(call({ hostile: true }, parent, `00-${'1'.repeat(32)}-${caller}-01`), () => Promise.resolve());
    expect(spans).toMatchObject([{ traceId: trace, parentSpanId: caller }]);
  });

  it('says with which code and rule a call was refused', async () => {
    const { tracer, audit, spans } = staged();
    await tracer.calls(call(), () =>
      audit.event('tool.refused', { verdict: 'deny', result: 'POLICY_DENIED', rule: 'limits.memory' }),
    );
    expect(spans.at(-1)).toMatchObject({ error: 'POLICY_DENIED', attributes: { 'paddock.rule': 'limits.memory' } });
  });

  it('has a command that outlives the call, and nothing else of what comes later', async () => {
    const { tracer, audit, clock, named, spans } = staged();
    const ends = deferred<undefined>();
    let later = Promise.resolve();
    await tracer.calls(call(), async () => {
      const intent = await audit.intent('command.run', { session: 'pdk_x' });
      later = ends.promise.then(async () => {
        tracer.heard.onCall({ operation: 'events', result: 'ok', durationMs: 1 });
        await intent.outcome('ok', { details: { reason: plain('exited'), program: plain('secret') } });
      });
    });
    clock.nowMs += 60_000;
    ends.resolve(undefined);
    await later;
    expect(named('command.run')).toMatchObject([
      { durationMs: 60_000, attributes: { 'paddock.session': 'pdk_x', 'paddock.command.reason': 'exited' } },
    ]);
    expect(spans.map(({ name }) => name)).toEqual(['audit', 'tools/call create_session', 'command.run']);
    expect(JSON.stringify(spans)).not.toContain('secret');
  });

  it('is apart from that of another call at the same time', async () => {
    const { tracer, spans } = staged();
    const both = [1, 2].map((i) =>
      tracer.calls(call(), async () => {
        await new Promise((resolve) => setImmediate(resolve));
        tracer.heard.onCall({ operation: `op${i}`, result: 'ok', durationMs: 1 });
      }),
    );
    await Promise.all(both);
    const traceOf = (name: string) => spans.find((span) => span.name === name)?.traceId;
    expect(traceOf('engine op1')).not.toBe(traceOf('engine op2'));
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(2);
  });

  it('has so many spans and no more', async () => {
    const { tracer, spans, lost } = staged();
    await tracer.calls(call(), () => {
      for (let i = 0; i < 300; i += 1) tracer.heard.onCall({ operation: 'x', result: 'ok', durationMs: 1 });
      return Promise.resolve();
    });
    expect([spans.length, lost.length]).toEqual([257, 44]);
  });

  it('is not made of a call that is not sampled, nor of what belongs to no call, and lets failures through', async () => {
    const { tracer, audit, spans } = staged(false);
    const failing = () => Promise.reject(new Error('no'));
    await expect(tracer.calls(call(), failing)).rejects.toThrow('no');
    await audit.event('log.open');
    const sampled = staged();
    sampled.tracer.heard.onCall({ operation: 'x', result: 'ok', durationMs: 1 });
    await sampled.audit.event('log.open');
    await expect(sampled.tracer.calls(call(), failing)).rejects.toThrow('no');
    expect([spans.length, sampled.spans.length]).toEqual([0, 1]);
  });
});
