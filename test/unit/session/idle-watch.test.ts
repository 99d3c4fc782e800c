import { expect, it, onTestFinished, vi } from 'vitest';
import { watchIdle } from '../../../src/session/idle-watch.js';
import type { SessionRecord } from '../../../src/session/record.js';
import { getSession } from '../../../src/tools/get-session.js';
import { stage } from '../tools/support/stage.js';
import { InMemoryAudit } from './support/audit.js';
import { record } from './support/records.js';

const minuteMs = 60_000;

/** A session that may be idle for half an hour, or as long as is said, and what its watch did. */
function watched(idleMinutes: number | 'any' = 30) {
  const { spec } = record();
  const timeout = idleMinutes === 'any' ? {} : { idleTimeoutMs: idleMinutes * minuteMs };
  const staged = stage({ spec: { ...spec, ...timeout }, deadlineAtMs: 90_000_000 });
  const { session, clock, sandbox } = staged;
  const saved: SessionRecord[] = [];
  const audit = new InMemoryAudit();
  const end = vi.fn(() => {
    sandbox.alive = false;
    return Promise.resolve();
  });
  const target = { id: session.id, record: session.record, idleness: session.idleness, sandbox: session.sandbox, end };
  const store = { save: (one: SessionRecord) => Promise.resolve(void saved.push(one)) };
  const watch = watchIdle(target, { store, audit, clock });
  onTestFinished(() => watch[Symbol.asyncDispose]());
  return { ...staged, saved, audit, end };
}

it('ends a session that has been idle for its timeout, says so in its record and in the audit log', async () => {
  const { clock, session, end, saved, audit } = watched();
  await clock.pass(29 * minuteMs, minuteMs);
  expect(end).not.toHaveBeenCalled();
  await clock.pass(2 * minuteMs, minuteMs);
  expect(end).toHaveBeenCalledOnce();
  expect(saved).toMatchObject([{ id: session.id, state: 'ending', endedBecause: 'idle' }]);
  expect(audit.lines).toEqual([`session.expire ${session.id} ok`]);
  expect(audit.rules).toEqual(['sessions.idle']);
  expect(session.endedBecause).toBe('it was idle for 30m (sessions.idle)');
  await expect(session.start({ argv: ['true'] } as never)).rejects.toMatchObject({
    code: 'SESSION_ENDED',
    info: { ruleId: 'sessions.idle' },
    hint: expect.stringContaining('idleTimeout'),
  });
});

it('counts from the end of a command, and never while one runs', async () => {
  const { clock, session, commands, end } = watched();
  await clock.pass(20 * minuteMs, minuteMs);
  const entry = await session.start({ argv: ['make'] } as never);
  await clock.pass(120 * minuteMs, minuteMs);
  expect(session.idleness.leftMs).toBeUndefined();
  commands[0]?.finish(0);
  await entry.settled;
  await clock.pass(29 * minuteMs, minuteMs);
  expect(end).not.toHaveBeenCalled();
  await clock.pass(2 * minuteMs, minuteMs);
  expect(end).toHaveBeenCalledOnce();
});

it.each([
  ['sooner', 30, 10],
  ['later', 30, 60],
  ['at all, where it had none', 'any', 20],
] as const)('ends it %s when its timeout is changed meanwhile', async (_, fromMinutes, toMinutes) => {
  const { clock, session, end } = watched(fromMinutes);
  await clock.pass(5 * minuteMs, minuteMs);
  session.idleness.timeoutMs = toMinutes * minuteMs;
  await clock.pass((toMinutes - 6) * minuteMs, minuteMs);
  expect(end).not.toHaveBeenCalled();
  await clock.pass(2 * minuteMs, minuteMs);
  expect(end).toHaveBeenCalledOnce();
});

it('does not count looking at a session', async () => {
  const { clock, session, end, services, context } = watched();
  for (let i = 0; i < 31; i += 1) {
    await getSession.call(services, { sessionId: session.id }, context);
    await clock.pass(minuteMs, minuteMs);
  }
  expect(end).toHaveBeenCalledOnce();
});

it('shows what is left, until a command runs', async () => {
  const { clock, session, services, context } = watched();
  await clock.pass(10 * minuteMs, minuteMs);
  const show = () => getSession.call(services, { sessionId: session.id }, context);
  const { structured, text } = await show();
  expect(structured).toMatchObject({
    idleTimeoutMs: 30 * minuteMs,
    idleEndsInMs: 20 * minuteMs,
    endsInMs: 90_000_000 - clock.now(),
  });
  expect(text).toContain('without a command in 20m (idle for 30m)');
  await session.start({ argv: ['make'] } as never);
  expect((await show()).structured).not.toHaveProperty('idleEndsInMs');
});

it('shows what is left in whole milliseconds, though the clock has smaller ones', async () => {
  const { clock, session, services, context } = watched();
  await clock.pass(0.25);
  const { structured } = await getSession.call(services, { sessionId: session.id }, context);
  expect(structured['idleEndsInMs']).toBe(30 * minuteMs);
});

it('lets no command in and tries again when the audit log can not be written', async () => {
  const { clock, session, end, audit } = watched();
  audit.isFull = true;
  await clock.pass(31 * minuteMs, minuteMs);
  expect(end).not.toHaveBeenCalled();
  await expect(session.start({ argv: ['true'] } as never)).rejects.toMatchObject({ code: 'SESSION_ENDED' });
  audit.isFull = false;
  await clock.pass(minuteMs, minuteMs / 4);
  expect(end).toHaveBeenCalledOnce();
});
