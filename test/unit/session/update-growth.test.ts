import { expect, it, vi } from 'vitest';
import { EngineError, PaddockError, SandboxError, SessionError } from '../../../src/core/errors.js';
import type { Promised } from '../../../src/session/promised.js';
import { hourMs, mib, stagedUpdate as staged } from './support/staged-update.js';

it('what makes a session larger is asked for as such, and the record promises it before the engine hears of it', async () => {
  const { update, session, sandbox, saved, room } = staged();
  const setLimits = sandbox.setLimits.getMockImplementation();
  const { cpuMillis } = session.record.spec.limits;
  sandbox.setLimits.mockImplementationOnce(async (limits) => {
    expect(room.reserved).toBe(1);
    expect(saved.at(-1)).toMatchObject({
      ...{ promised: { memoryBytes: 512 * mib, cpuMillis }, deadlineAtMs: 1_000_000 + hourMs },
      spec: { limits: { memoryBytes: 256 * mib, cpuMillis } },
    });
    await setLimits?.(limits);
  });
  await update({ memory: '512m', cpus: 0.5 });
  const { id } = session;
  const [[from, to] = []] = room.ask.mock.calls;
  expect(from).toMatchObject({ id, memoryBytes: 256 * mib, cpuMillis });
  expect(to).toMatchObject({ id, memoryBytes: 512 * mib, cpuMillis: 500 });
  expect(room.reserved).toBe(0);
  expect(saved).toHaveLength(2);
  expect(session.record).toMatchObject({ spec: { limits: { memoryBytes: 512 * mib } } });
  expect(session.record.promised).toBeUndefined();
});

it('without room for it nothing is changed, and the refusal is recorded', async () => {
  const { update, told, save, session, before, room, audit } = staged();
  room.ask.mockRejectedValueOnce(new SessionError('LIMIT_REACHED', 'full', { info: { ruleId: 'admission.memory' } }));
  await expect(update({ memory: '512m', endsIn: '3h', pids: 200 })).rejects.toMatchObject({
    code: 'LIMIT_REACHED',
    info: { ruleId: 'admission.memory' },
  });
  expect(told).toEqual([]);
  expect(save).not.toHaveBeenCalled();
  expect(session.record).toBe(before);
  expect(audit.lines).toEqual([`session.update ${session.id} LIMIT_REACHED`]);
});

it('an update that fails gives back the room, and its record promises no more than before', async () => {
  const { update, session, sandbox, saved, room } = staged();
  sandbox.setLimits.mockRejectedValueOnce(new SandboxError('UPDATE_UNSUPPORTED', 'not by this engine'));
  await expect(update({ memory: '512m' })).rejects.toMatchObject({ code: 'UPDATE_UNSUPPORTED' });
  expect(room.reserved).toBe(0);
  expect(saved.map(({ promised }) => promised?.memoryBytes)).toEqual([512 * mib, undefined]);
  expect(session.record.promised).toBeUndefined();
});

it('what can not be taken back from a session stays promised to it', async () => {
  const { update, session, sandbox, saved } = staged();
  const setLimits = sandbox.setLimits.getMockImplementation();
  sandbox.setLimits
    .mockImplementationOnce(async (limits) => {
      await setLimits?.(limits);
      throw new EngineError('ENGINE_TIMEOUT', 'no answer in time');
    })
    .mockRejectedValueOnce(new EngineError('ENGINE_UNAVAILABLE', 'it went away'));
  await expect(update({ memory: '512m' })).rejects.toMatchObject({ code: 'ENGINE_TIMEOUT' });
  expect(saved.at(-1)).toMatchObject({ promised: { memoryBytes: 512 * mib } });
  expect(session.record.promised?.memoryBytes).toBe(512 * mib);
  await update({ memory: '300m' });
  expect(session.record.promised).toBeUndefined();
});

it('waiting for room is given up when whoever asked goes away, and when the session ends', async () => {
  const { update, session, told, room } = staged();
  const untilStopped = (_before: Promised, _after: Promised, signal: AbortSignal) =>
    new Promise<void>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new DOMException('cut', 'AbortError')), { once: true });
    });
  room.ask.mockImplementation(untilStopped);
  const gone = new AbortController();
  const first = update({ memory: '512m' }, gone.signal);
  await vi.waitFor(() => expect(room.ask).toHaveBeenCalledTimes(1));
  gone.abort();
  await expect(first).rejects.toMatchObject({ name: 'AbortError' });
  const second = update({ memory: '512m' });
  await vi.waitFor(() => expect(room.ask).toHaveBeenCalledTimes(2));
  await Promise.all([expect(second).rejects.toMatchObject({ code: 'SESSION_ENDED' }), session.end()]);
  expect(told).toEqual([]);
});

it('what was judged before a wait for room is judged again after it', async () => {
  const { update, clock, told, room } = staged();
  room.ask.mockImplementationOnce(() => clock.pass(5000, 1000));
  await expect(update({ memory: '512m', lifetime: 3 })).rejects.toMatchObject({ info: { ruleId: 'limits.too-small' } });
  expect(told).toEqual([]);
  expect(room.reserved).toBe(0);
});

it('whoever may have no more for now does not learn whether there is room, and may have less', async () => {
  const { update, session, told, room, before, growGate } = staged();
  growGate.mockRejectedValueOnce(new PaddockError('RATE_LIMITED', 'too often'));
  await expect(update({ memory: '512m' })).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  expect(room.ask).not.toHaveBeenCalled();
  expect([told, session.record]).toEqual([[], before]);
  await update({ cpus: session.record.spec.limits.cpuMillis / 500 });
  expect(growGate).toHaveBeenCalledTimes(2);
  await update({ memory: '200m', lifetime: '2h' });
  expect(growGate).toHaveBeenCalledTimes(2);
});
