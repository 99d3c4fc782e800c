import { afterAll, beforeAll, describe, expect, it, type TestContext, vi } from 'vitest';
import type { ControlId } from '../../src/core/evidence.js';
import type { Session } from '../../src/session/session.js';
import { engineKinds } from '../engine/support/engines.js';
import { command, run, Stage, said } from '../engine/support/stage.js';
import { ownCgroup } from './support/own-cgroup.js';

const mib = 1024 ** 2;
const isRequired = process.env['PADDOCK_TEST_REQUIRE']?.split(',').includes('limits') === true;

/** Holds that many bytes of memory for a moment. Not by a shell's tools, which take minutes for that where this runs. */
const holding = (bytes: number) => `python3 -c 'print(len(b"x" * ${bytes}))'`;

describe.each(engineKinds)('limits that are changed while a session runs, on a real rootless %s', (kind) => {
  let stage: Stage;
  let session: Session;

  beforeAll(async () => {
    stage = await Stage.open(kind);
    session = await stage.create({ memory: '128m', cpus: 0.9, pids: 60 });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  function rowOf(id: ControlId) {
    return session.sandbox.handle.evidence.controls.find((control) => control.id === id);
  }

  function need(id: 'memory' | 'cpu' | 'pids', { skip }: TestContext): void {
    const status = rowOf(id)?.status;
    if (isRequired) expect([id, status]).toEqual([id, 'enforced']);
    else skip(status !== 'enforced', `the kernel holds no ${id} limit here`);
  }

  /** A file of the session's own cgroup. */
  function cgroupFile(name: string): string {
    const { initPid, containerId } = session.sandbox.handle;
    return ownCgroup(containerId, initPid)(name);
  }

  it('memory: what was killed before has room now, and swap stays off', async (context) => {
    need('memory', context);
    expect(await run(session, `exec ${holding(200 * mib)}`)).not.toMatchObject({ stdout: { text: `${200 * mib}\n` } });
    const report = await stage.sessions.update(session.id, { memory: '384m' });
    expect(report.controls).toMatchObject([
      { id: 'memory', status: 'enforced', asked: '384 MiB', kernel: '384 MiB' },
      { id: 'swap' },
    ]);
    expect(cgroupFile('memory.max')).toBe(String(384 * mib));
    expect(await said(session, holding(200 * mib), { timeoutMs: 110_000 })).toBe(String(200 * mib));
    // The other limits were left as they are.
    expect([cgroupFile('cpu.max'), cgroupFile('pids.max')]).toEqual(['90000 100000', '60']);
  });

  it('memory: less than is held is refused, and when it was given back it is not', async (context) => {
    need('memory', context);
    // What is held is more than is asked for as soon as it may be looked at, and no pace is expected.
    const holder = await session.start(command(`(head -c ${150 * mib} /dev/zero; sleep 600) | tail -n 1 | wc -c`));
    const isHeld = () => Number(cgroupFile('memory.current')) > 110 * mib;
    await vi.waitUntil(isHeld, { timeout: 120_000, interval: 250 });
    const asking = stage.sessions.update(session.id, { memory: '100m' });
    await expect(asking).rejects.toMatchObject({ code: 'POLICY_DENIED', info: { ruleId: 'memory.in-use' } });
    expect(cgroupFile('memory.max')).toBe(String(384 * mib));
    await holder.command.end('aborted');
    await holder.settled;
    await stage.sessions.update(session.id, { memory: '100m' });
    expect([cgroupFile('memory.max'), rowOf('memory')?.status]).toEqual([String(100 * mib), 'enforced']);
    expect(await run(session, 'exec tail /dev/zero')).toMatchObject({ reason: 'oom' });
    expect(await said(session, 'echo lives')).toBe('lives');
  });

  it('pids: more may run than before, and then fewer', async (context) => {
    need('pids', context);
    const children = 'n=0; while [ $n -lt 80 ]; do sleep 5 & n=$((n + 1)); done; echo done; kill $(jobs -p)';
    expect((await run(session, children)).stderr.text).toMatch(/fork/i);
    await stage.sessions.update(session.id, { pids: 200 });
    expect([cgroupFile('pids.max'), rowOf('pids')?.kernel]).toEqual(['200', '200']);
    expect((await run(session, children)).stdout.text).toBe('done\n');
    await stage.sessions.update(session.id, { pids: 30 });
    expect((await run(session, children)).stderr.text).toMatch(/fork/i);
  });

  it('cpu: the quota and the weight are other ones', async (context) => {
    need('cpu', context);
    const weight = Number(cgroupFile('cpu.weight'));
    expect(rowOf('cpu-weight')).toBeUndefined();
    const { controls } = await stage.sessions.update(session.id, { cpus: 0.5, cpuShares: 256 });
    expect(controls.map(({ id }) => id)).toEqual(['cpu', 'cpu-weight']);
    expect(cgroupFile('cpu.max')).toBe('50000 100000');
    expect(rowOf('cpu')).toMatchObject({ status: 'enforced', asked: '0.5 CPUs', kernel: '0.5 CPUs' });
    expect(Number(cgroupFile('cpu.weight'))).toBeLessThan(weight);
    const kernel = `weight ${cgroupFile('cpu.weight')}`;
    expect(rowOf('cpu-weight')).toMatchObject({ status: 'enforced', asked: '256 shares', kernel });
    await stage.sessions.update(session.id, { cpus: 0.1 });
    expect(cgroupFile('cpu.max')).toBe('10000 100000');
  });

  it('are in the record as the kernel holds them', async (context) => {
    need('memory', context);
    const { controls } = (await stage.store.load(session.id))?.evidence ?? { controls: [] };
    expect(controls).toEqual(session.sandbox.handle.evidence.controls);
  });
});
