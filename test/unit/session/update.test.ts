import { expect, it, vi } from 'vitest';
import { SandboxError } from '../../../src/core/errors.js';
import { hourMs, mib, stagedUpdate as staged } from './support/staged-update.js';

it('an update changes sandbox, record and idle time together, and says what is different', async () => {
  const { update, session, told, decided, saved, audit, clock } = staged();
  await clock.pass(10 * 60_000, 60_000);
  const report = await update({ lifetime: '2h', idleTimeout: '45m', memory: '512m', pids: 200 });
  expect(told).toEqual([
    ['end', 2 * hourMs - 600_000, 2 * hourMs],
    ['limits', 512 * mib, 200],
  ]);
  expect(report).toMatchObject({
    ...{ sessionId: session.id, endsInMs: 2 * hourMs - 600_000, idleTimeoutMs: 0.75 * hourMs },
    limits: { memoryBytes: 512 * mib, pids: 200 },
    controls: ['memory', 'swap', 'pids', 'deadline'].map((id) => ({ id, kernel: '200' })),
  });
  expect(report.changes).toEqual([
    { what: 'lifetime', before: '1h, until 1970-01-01T01:16:40.000Z', after: '2h, until 1970-01-01T02:16:40.000Z' },
    { what: 'idleTimeout', before: '1h', after: '45m' },
    { what: 'memory', before: '256 MiB', after: '512 MiB' },
    { what: 'pids', before: '100', after: '200' },
  ]);
  expect(saved.at(-1)).toEqual(session.record);
  expect(session.record).toMatchObject({
    deadlineAtMs: 1_000_000 + 2 * hourMs,
    spec: { lifetimeMs: 2 * hourMs, idleTimeoutMs: 0.75 * hourMs, limits: { memoryBytes: 512 * mib, pids: 200 } },
    evidence: { readAtMs: 5 },
  });
  expect(session.record.evidence?.controls[0]?.kernel).toBe('200');
  expect(audit.lines).toEqual([`session.update ${session.id} ok`]);
  // The second time by what it holds once there is room.
  expect(decided).toEqual([
    ['allow', undefined],
    ['allow', undefined],
  ]);
});

it('an update is a use of the session: its idle time begins anew, by the new timeout', async () => {
  const { update, session, clock } = staged();
  await clock.pass(50 * 60_000, 60_000);
  await update({ idleTimeout: '20m' });
  expect(session.idleness.leftMs).toBe(20 * 60_000);
});

it('an update of what is so already changes nothing and asks nobody', async () => {
  const { update, told } = staged();
  const report = await update({ lifetime: '1h', memory: '256m', idleTimeout: '1h' });
  expect(report.changes).toEqual([]);
  expect(told).toEqual([]);
});

it('what policy refuses is done in no part, and recorded', async () => {
  const { update, told, decided, save, session, before, audit } = staged();
  await expect(update({ pids: 200, memory: '65g' })).rejects.toMatchObject({
    code: 'POLICY_DENIED',
    info: { ruleId: 'memory.host' },
  });
  expect(told).toEqual([]);
  expect(save).not.toHaveBeenCalled();
  expect(session.record).toBe(before);
  expect(audit.lines).toEqual([`session.update ${session.id} POLICY_DENIED`]);
  expect(decided).toEqual([['deny', 'memory.host']]);
});

it('what the kernel does not do as policy requires is taken back, with all that was done before it', async () => {
  const { update, told, sandbox, session, saved } = staged();
  const refusal = new SandboxError('CONTROL_NOT_ENFORCED', 'pids is absent');
  const setLimits = sandbox.setLimits.getMockImplementation();
  sandbox.setLimits.mockImplementationOnce(async (limits) => {
    await setLimits?.(limits);
    throw refusal;
  });
  await expect(update({ endsIn: '3h', pids: 200 })).rejects.toBe(refusal);
  expect(told).toEqual([
    ['end', 3 * hourMs, 3 * hourMs],
    ['limits', 256 * mib, 200],
    ['end', hourMs, hourMs],
    ['limits', 256 * mib, 100],
  ]);
  expect(session.record).toMatchObject({ deadlineAtMs: 1_000_000 + hourMs, spec: { limits: { pids: 100 } } });
  // With the evidence of what the kernel holds after it was taken back.
  expect(saved.at(-1)?.evidence?.controls[0]?.kernel).toBe('100');
  expect(sandbox.alive).toBe(true);
});

it('a sandbox that can not be given back a limit that policy requires is ended', async () => {
  const { update, sandbox } = staged();
  sandbox.setLimits.mockImplementation((limits) => {
    Object.assign(sandbox, { handle: { ...sandbox.handle, spec: { ...sandbox.handle.spec, limits } } });
    return Promise.reject(new SandboxError('CONTROL_NOT_ENFORCED', 'pids is absent'));
  });
  await expect(update({ pids: 200 })).rejects.toMatchObject({ code: 'CONTROL_NOT_ENFORCED' });
  expect(sandbox.alive).toBe(false);
});

it('a change that can not be written down is taken back', async () => {
  const { update, told, save, session, before } = staged();
  const full = new SandboxError('STATE_UNWRITABLE', 'the disk is full');
  save.mockRejectedValueOnce(full);
  await expect(update({ endsIn: '3h', pids: 200 })).rejects.toBe(full);
  expect(told).toEqual([]);
  // Also when there was still room for what is written before anything is done.
  save.mockResolvedValueOnce(undefined).mockRejectedValueOnce(full);
  await expect(update({ endsIn: '3h', pids: 200 })).rejects.toBe(full);
  expect(told.slice(2)).toEqual([
    ['end', hourMs, hourMs],
    ['limits', 256 * mib, 100],
  ]);
  expect(session.record.spec).toEqual(before.spec);
});

it('a change whose outcome can not be recorded is taken back', async () => {
  const { update, told, session, audit } = staged();
  vi.spyOn(audit, 'intent').mockResolvedValue({
    id: '1',
    outcome: () => Promise.reject(new Error('the disk is full')),
  });
  await expect(update({ endsIn: '3h', pids: 200 })).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
  expect(told.slice(2)).toEqual([
    ['end', hourMs, hourMs],
    ['limits', 256 * mib, 100],
  ]);
  expect(session.record).toMatchObject({ deadlineAtMs: 1_000_000 + hourMs, spec: { limits: { pids: 100 } } });
});

it('nothing is changed when the intent can not be recorded', async () => {
  const { update, told, audit } = staged();
  audit.isFull = true;
  await expect(update({ pids: 200 })).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
  expect(told).toEqual([]);
});

it('one update at a time', async () => {
  const { update, sandbox } = staged();
  let release: () => void = () => undefined;
  sandbox.setDeadline.mockImplementationOnce(
    () =>
      new Promise((resolve) => {
        release = resolve;
      }),
  );
  const first = update({ endsIn: '2h' });
  await expect(update({ pids: 200 })).rejects.toMatchObject({ code: 'LIMIT_REACHED', retryable: true });
  await vi.waitFor(() => expect(sandbox.setDeadline).toHaveBeenCalled());
  release();
  await first;
  await update({ pids: 200 });
});

it('the end is not put off beyond what Podman was told when the session was created', async () => {
  const { update, told } = staged({ longestLifetimeMs: 2 * hourMs });
  await expect(update({ lifetime: '3h' })).rejects.toMatchObject({
    code: 'UPDATE_UNSUPPORTED',
    message: expect.stringContaining('2h'),
  });
  await update({ lifetime: '2h' });
  expect(told).toHaveLength(1);
  const docker = staged({
    longestLifetimeMs: 2 * hourMs,
    engine: { kind: 'docker', socketPath: '/run/docker.sock', startedByUs: false },
  });
  await docker.update({ lifetime: '3h' });
});

it('a session that has ended, or was idle for too long, is not changed any more', async () => {
  const one = staged();
  one.sandbox.alive = false;
  await expect(one.update({ pids: 200 })).rejects.toMatchObject({ code: 'SESSION_ENDED' });
  const other = staged();
  await other.clock.pass(hourMs, hourMs);
  other.session.idleness.callTime();
  await expect(other.update({ idleTimeout: '2h' })).rejects.toMatchObject({
    code: 'SESSION_ENDED',
    info: { ruleId: 'sessions.idle' },
  });
});

it('an update that is written down when the session has just ended leaves no record', async () => {
  const { update, session, save, remove } = staged();
  save.mockImplementationOnce(async () => {
    await session.end();
    return undefined;
  });
  await update({ idleTimeout: '45m' }).catch(() => undefined);
  expect(remove).toHaveBeenCalledWith(session.id);
});
