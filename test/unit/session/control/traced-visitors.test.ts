import { describe, expect, it, vi } from 'vitest';
import { PolicyDenied } from '../../../../src/core/errors.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { commandsOfHeld, execInHeld, updateHeld } from '../../../../src/session/control/client.js';
import type { Span } from '../../../../src/tracing/span.js';
import { Tracer } from '../../../../src/tracing/tracer.js';
import { type Program, Served } from './support/visited.js';

const seven: Program = () => Promise.resolve(7);
const forever = new AbortController().signal;

async function traced(program: Program = seven) {
  const spans: Span[] = [];
  const add = (span: Span) => void spans.push(span);
  const tracer = new Tracer({ clock: systemClock, isSampled: () => true, add, onSpans: () => undefined });
  const served = await Served.make(program, undefined, tracer);
  return { spans, tracer, served };
}

describe('the trace of what a visitor asks for', () => {
  it('is of its command, from when it asks to the end of that, with what is done for it below', async () => {
    const heldSpans = await traced(async ({ print }) => {
      heldSpans.tracer.heard.onCall({ operation: 'listContainers', result: 'ok', durationMs: 1 });
      await print('stdout', Buffer.from('x'));
      return 7;
    });
    await using served = heldSpans.served;
    const { spans } = heldSpans;
    const held = await execInHeld(await served.connect(), { argv: ['/bin/secret'] }, {});
    expect(await held.result).toMatchObject({ exitCode: 7 });
    await vi.waitFor(() => expect(spans).toHaveLength(2));
    const [below, root] = spans;
    expect(root).toMatchObject({ name: 'paddock exec', kind: 'server', parentSpanId: undefined, error: undefined });
    expect(below).toMatchObject({ name: 'engine listContainers', traceId: root?.traceId, parentSpanId: root?.spanId });
    expect(JSON.stringify(spans)).not.toContain('secret');
  });

  it('says with which code and rule policy refused it, and has the record of that below', async () => {
    const { served: made, spans } = await traced();
    await using served = made;
    await expect(execInHeld(await served.connect(), { argv: ['x'], timeout: '999h' }, {})).rejects.toThrow();
    served.session.update = () => Promise.reject(new PolicyDenied('pids.ceiling', 'too many'));
    await expect(updateHeld(await served.connect(), { pids: 1e9 }, forever)).rejects.toThrow('too many');
    expect(spans).toMatchObject([
      { name: 'audit', attributes: { 'paddock.audit.action': 'policy.deny' } },
      { name: 'paddock exec', error: 'POLICY_DENIED', attributes: { 'paddock.session': served.session.id } },
      { name: 'audit', attributes: { 'paddock.audit.action': 'policy.deny' } },
      { name: 'paddock update', error: 'POLICY_DENIED', attributes: { 'paddock.rule': 'pids.ceiling' } },
    ]);
    expect(spans.map(({ traceId }) => traceId)).toEqual([1, 1, 3, 3].map((i) => spans[i]?.traceId));
  });

  it('says what else went wrong by its code, and there is none of a look at what runs', async () => {
    const { served: made, spans } = await traced();
    await using served = made;
    await commandsOfHeld(await served.connect(), forever);
    served.session.update = () => Promise.reject(new Error('secret words'));
    await expect(updateHeld(await served.connect(), {}, forever)).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(spans).toMatchObject([{ name: 'paddock update', error: 'INTERNAL' }]);
    expect(JSON.stringify(spans)).not.toContain('secret');
  });
});
