import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ControlId } from '../../src/core/evidence.js';
import { systemClock } from '../../src/kit/clock.js';
import type { Session } from '../../src/session/session.js';
import { engineKinds } from './support/engines.js';
import { Stage, said } from './support/stage.js';

const mib = 1024 ** 2;
const ways = engineKinds.flatMap((kind) => (['fifo', 'attach'] as const).map((path) => [kind, path] as const));

function rowOf(session: Session, id: ControlId) {
  const row = session.sandbox.handle.evidence.controls.find((one) => one.id === id);
  if (row === undefined) throw new Error(`no row for ${id}`);
  return row;
}

async function untilEnded(session: Session): Promise<number> {
  while (session.sandbox.alive) await systemClock.sleep(20);
  return Date.now();
}

describe.each(ways)('the end of a session on a real rootless %s, over %s', (kind, commandPath) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(kind, { commandPath });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('can be put off while it runs, by the word of process 1, and is kept', async () => {
    const session = await stage.create({ lifetime: '8s' });
    const first = session.record.deadlineAtMs;
    const report = await stage.sessions.update(session.id, { lifetime: '2h' });
    expect(report.changes).toEqual([
      { what: 'lifetime', before: expect.stringMatching(/^8s/), after: expect.stringMatching(/^2h/) },
    ]);
    expect(report.controls).toMatchObject([{ id: 'deadline', status: 'enforced', asked: '7200 s, by process 1' }]);
    expect(rowOf(session, 'deadline').kernel).toMatch(/process 1 says/);
    expect(session.record.deadlineAtMs).toBe(session.record.createdAtMs + 7_200_000);
    // The record is what prune and a later holder go by.
    expect(await stage.store.load(session.id)).toEqual(session.record);
    await systemClock.sleep(Math.max(0, first - Date.now()) + 500);
    expect(await said(session, 'echo lives')).toBe('lives');
  });

  it('can be brought forward, also while a command runs', async () => {
    const session = await stage.create({ lifetime: '1h' });
    const entry = await session.start({
      argv: ['sleep', '600'],
      timeoutMs: 0,
      outputCapBytes: 4096,
      outputLimitBytes: 4096,
    });
    await stage.sessions.update(session.id, { endsIn: '2s' });
    const { deadlineAtMs } = session.record;
    const endedAtMs = await untilEnded(session);
    expect(endedAtMs).toBeGreaterThan(deadlineAtMs - 200);
    await entry.settled;
    expect(session.endedBecause).toMatch(/deadline/);
    await expect(stage.sessions.update(session.id, { endsIn: '2s' })).rejects.toMatchObject({ code: 'SESSION_ENDED' });
  });
});

describe.each(engineKinds)('the limits of a session on a real rootless %s', (kind) => {
  let stage: Stage;
  let session: Session;
  beforeAll(async () => {
    stage = await Stage.open(kind);
    session = await stage.create({ memory: '256m', cpus: 0.5, pids: 100 });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('can be changed while it runs, and what the kernel holds of them is told as it is', async () => {
    const held = new Map(
      (['memory', 'cpu', 'pids'] as const).map((id) => [id, rowOf(session, id).status === 'enforced']),
    );
    const report = await stage.sessions.update(session.id, { memory: '512m', cpus: 1, pids: 200 });
    expect(report.limits).toMatchObject({ memoryBytes: 512 * mib, cpuMillis: 1000, pids: 200 });
    expect(report.controls.map(({ id }) => id)).toEqual(['memory', 'swap', 'cpu', 'pids']);
    for (const [id, isHeld] of held) {
      expect([id, rowOf(session, id).status]).toEqual([id, isHeld ? 'enforced' : 'absent']);
      if (!isHeld) expect(rowOf(session, id).note).toMatch(/delegate/i);
    }
    expect(rowOf(session, 'memory').asked).toBe('512 MiB');
    expect(await stage.store.load(session.id)).toEqual(session.record);
    expect(await said(session, 'echo lives')).toBe('lives');
  });

  it('are not changed beyond the ceilings, whatever else is asked', async () => {
    const before = session.record;
    const asking = stage.sessions.update(session.id, { pids: 300, memory: '65g', endsIn: '1h' });
    await expect(asking).rejects.toMatchObject({ code: 'POLICY_DENIED' });
    expect(session.record).toBe(before);
  });
});

describe.each(engineKinds)("a session whose commands go by the engine's exec, on a real rootless %s", (kind) => {
  it('keeps its end, says why, and takes another idle timeout', async () => {
    await using stage = await Stage.open(kind, { commandPath: 'exec' });
    const session = await stage.create({ memory: '256m', lifetime: '10m' });
    const before = session.record;
    const moving = stage.sessions.update(session.id, { endsIn: '1h', idleTimeout: '7m', memory: '300m' });
    await expect(moving).rejects.toMatchObject({ code: 'UPDATE_UNSUPPORTED', hint: expect.stringContaining('fifo') });
    expect(session.record.deadlineAtMs).toBe(before.deadlineAtMs);
    expect(session.record.spec).toEqual(before.spec);
    await stage.sessions.update(session.id, { idleTimeout: '7m' });
    expect(session.idleness.timeoutMs).toBe(420_000);
  });
});

it.each(engineKinds)(
  'a limit that policy requires, and the kernel does not hold, on a real rootless %s, has its change taken back',
  async (kind) => {
    await using stage = await Stage.open(kind);
    const session = await stage.create({ memory: '256m', pids: 100 });
    if (rowOf(session, 'pids').status === 'enforced') return;
    // As if the site had asked for it: at its creation the session would have been refused.
    const { spec } = session.sandbox.handle;
    (spec as { require: readonly ControlId[] }).require = [...spec.require, 'pids'];
    await expect(stage.sessions.update(session.id, { pids: 150 })).rejects.toMatchObject({
      code: 'CONTROL_NOT_ENFORCED',
    });
    expect(session.record.spec.limits.pids).toBe(100);
    expect(session.sandbox.alive).toBe(false);
  },
);
