import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ControlEvidence, ControlId } from '../../src/core/evidence.js';
import { createSandbox } from '../../src/sandbox/create.js';
import { floor } from '../../src/sandbox/first-process.js';
import type { Session } from '../../src/session/session.js';
import { engineKinds, uniqueName } from './support/engines.js';
import { Stage, said } from './support/stage.js';

const limits = ['memory', 'swap', 'cpu', 'pids'] as const;

function controlOf(session: Session, id: ControlId): ControlEvidence {
  const control = session.sandbox.handle.evidence.controls.find((c) => c.id === id);
  if (control === undefined) throw new Error(`no row for ${id}`);
  return control;
}

/** The controllers that the kernel really holds a sandbox by: those of the cgroup it has for itself, if it has one. */
function controllersOf(session: Session): readonly string[] {
  const { initPid, containerId } = session.sandbox.handle;
  const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${initPid}/cgroup`, 'utf8'))?.[1] ?? '/';
  if (!path.includes(containerId)) return [];
  return readFileSync(`/sys/fs/cgroup${path}/cgroup.controllers`, 'utf8').trim().split(' ');
}

describe.each(engineKinds)('the evidence of a sandbox on a real rootless %s', (kind) => {
  let stage: Stage;
  let session: Session;

  beforeAll(async () => {
    stage = await Stage.open(kind);
    session = await stage.create({ memory: '512m', cpus: 0.5, pids: 100 });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('confirms the floor, each in the words of the kernel', () => {
    const rows = floor.map((id) => controlOf(session, id));
    expect(rows.map((row) => [row.id, row.status])).toEqual(floor.map((id) => [id, 'enforced']));
    expect(rows.every((row) => row.asked !== '' && row.kernel !== '' && row.kernel !== '-')).toBe(true);
  });

  it('confirms open files and core dumps', () => {
    expect(controlOf(session, 'nofile')).toMatchObject({ status: 'enforced', kernel: '4096' });
    expect(controlOf(session, 'core')).toMatchObject({ status: 'enforced' });
  });

  it('tells limits that the kernel holds from those it does not, as this host really is', () => {
    const controllers = controllersOf(session);
    for (const id of limits) {
      const isHeld = controllers.includes(id === 'swap' ? 'memory' : id);
      const { status, note } = controlOf(session, id);
      if (!isHeld) expect([id, status]).toEqual([id, 'absent']);
      // Without swap accounting in the kernel the cap on swap is at most degraded.
      else expect(id === 'swap' ? ['enforced', 'degraded'] : ['enforced']).toContain(status);
      if (!isHeld) expect(note).toMatch(/delegate/i);
    }
  });

  it.each(limits)('lets no session be when policy requires a %s limit that the kernel does not hold', async (id) => {
    const isHeld = controlOf(session, id).status === 'enforced';
    await using strict = await Stage.open(kind, { policy: { require: [id] } });
    const made = strict.create();
    if (isHeld) {
      await strict.sessions.destroy((await made).id);
      return;
    }
    await expect(made).rejects.toMatchObject({ code: 'CONTROL_NOT_ENFORCED', info: { controls: [id] } });
    expect(await strict.containers()).toEqual([]);
    expect((await strict.store.list()).records).toEqual([]);
  });

  it('removes a container that is not what was asked for, before anything runs in it', async () => {
    const { spec } = session.sandbox.handle;
    const containerName = uniqueName('paddock-test');
    // A wrong expectation stands for a container that came out wrong: its files should belong to somebody else.
    const maker = { ...stage.maker, callerUid: stage.maker.callerUid + 1 };
    const made = createSandbox(maker, spec, [], {
      containerName,
      labels: {},
      channelFolder: join(stage.folder, 'run', containerName),
      detached: false,
    });
    await expect(made).rejects.toMatchObject({
      code: 'SANDBOX_UNVERIFIED',
      info: { controls: ['user'] },
      message: expect.stringContaining(`runs as ${stage.maker.callerUid}/`) as unknown,
    });
    await expect(stage.engine.inspectContainer(containerName)).rejects.toMatchObject({ code: 'ENGINE_NOT_FOUND' });
  });

  it('tells the user namespace: of its own on podman; on docker the daemon’s, and degraded', async () => {
    const second = await stage.create();
    const [one, two] = [session, second].map((s) => readlinkSync(`/proc/${s.sandbox.handle.initPid}/ns/user`));
    const parent = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${session.sandbox.handle.initPid}/status`, 'utf8'))?.[1];
    const engines = readlinkSync(`/proc/${parent}/ns/user`);
    expect(one).not.toBe(readlinkSync('/proc/self/ns/user'));
    if (kind === 'podman') {
      expect(new Set([one, two, engines]).size).toBe(3);
      expect(controlOf(session, 'user-namespace')).toMatchObject({ status: 'enforced' });
    } else {
      expect([two, engines]).toEqual([one, one]);
      expect(controlOf(session, 'user-namespace')).toMatchObject({ status: 'degraded' });
    }
    await stage.sessions.destroy(second.id);
  });

  it('agrees with what is seen from inside', async () => {
    const status = await said(session, 'cat /proc/self/status');
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
      expect(status).toMatch(new RegExp(`^${set}:\\t0{16}$`, 'm'));
    }
    expect(await said(session, 'id -u')).toBe(kind === 'podman' ? '1000' : '0');
    expect(await said(session, 'ulimit -Hn; ulimit -Hc')).toBe('4096\n0');
    const first = await said(session, 'tr "\\0" " " </proc/1/cmdline');
    expect(first).toMatch(
      /^\/\.paddock\/init --deadline-boottime-ms \d+ (--apparmor paddock-sandbox )?--channel fifo $/,
    );
    expect(await said(session, 'cat /proc/1/comm')).toMatch(/^init-[0-9a-f]{8}$/);
    expect(await said(session, 'cat /proc/sys/kernel/hostname; uname -n')).toBe('sandbox\nsandbox');
  });

  it('holds for commands, too: they have no more than process 1', async () => {
    const fields = /^(NoNewPrivs|Seccomp|Cap\w+):/;
    const lines = (text: string) => text.split('\n').filter((line) => fields.test(line));
    const inside = lines(await said(session, 'cat /proc/self/status'));
    const { initPid } = session.sandbox.handle;
    expect(inside).toEqual(lines(readFileSync(`/proc/${initPid}/status`, 'utf8')));
    for (const name of ['user', 'pid', 'ipc', 'uts', 'mnt', 'cgroup', 'net']) {
      expect(await said(session, `readlink /proc/self/ns/${name}`)).toBe(readlinkSync(`/proc/${initPid}/ns/${name}`));
    }
  });
});
