import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { observe } from '../../../src/confine/observe.js';
import { observeCgroup, parseCpuMax, parseMax } from '../../../src/confine/observe-cgroup.js';
import { deviceText, sightInside } from '../../../src/confine/sightings.js';
import { hardenedStatus, podmanMountinfo, request } from './support/sandbox.js';

let root: string;
let procRoot: string;
let cgroupRoot: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'paddock-observe-'));
  procRoot = join(root, 'proc');
  cgroupRoot = join(root, 'cgroup');
  await put('proc/self/cgroup', '0::/user.slice/session.scope\n');
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

async function namespace(pid: number, id: number): Promise<void> {
  await mkdir(join(procRoot, String(pid), 'ns'), { recursive: true });
  await symlink(`pid:[${id}]`, join(procRoot, String(pid), 'ns/pid'));
}

describe('the cgroup of a sandbox', () => {
  const scope = 'user.slice/libpod-1.scope';
  beforeEach(async () => {
    await put('proc/7/cgroup', `0::/${scope}/container\n`);
    await namespace(7, 2);
    await put(`cgroup/${scope}/container/cgroup.procs`, '7\n');
    await put(`cgroup/${scope}/container/memory.max`, 'max\n');
    await put(`cgroup/${scope}/memory.max`, '67108864\n');
    await put(`cgroup/${scope}/cpu.max`, '25000 100000\n');
    await put('cgroup/user.slice/memory.max', '1024\n');
  });

  it('has the limit that the engine set one folder above, and nothing from further up', () => {
    expect(observeCgroup(7, procRoot, cgroupRoot)).toEqual({
      ...{ path: `/${scope}/container`, isShared: false, memoryMaxBytes: 67108864, swapMaxBytes: undefined },
      ...{ cpuMillis: 250, pidsMax: undefined, cpuWeight: undefined },
    });
  });

  it('is limited by the two folders above where commands have cgroups beside that of process 1', async () => {
    const scope = 'user.slice/libpod-ab12.scope';
    await put('proc/7/cgroup', `0::/${scope}/container/init\n`);
    await put(`cgroup/${scope}/container/init/memory.max`, 'max\n');
    await put(`cgroup/${scope}/container/memory.max`, '33554432\n');
    await put(`cgroup/${scope}/memory.max`, '67108864\n');
    await put(`cgroup/${scope}/pids.max`, '50\n');
    expect(observeCgroup(7, procRoot, cgroupRoot, 'ab12')).toMatchObject({
      ...{ isShared: false, memoryMaxBytes: 33554432, pidsMax: 50 },
    });
  });

  it('is shared when a process of another pid namespace is in it', async () => {
    await namespace(8, 1);
    await put(`cgroup/${scope}/container/cgroup.procs`, '7\n8\n');
    expect(observeCgroup(7, procRoot, cgroupRoot)).toMatchObject({ isShared: true });
  });

  it.each(['/', '/user.slice', '/user.slice/session.scope'])(
    'is shared when it is ours or above ours: %s',
    async (path) => {
      await put('proc/7/cgroup', `0::${path}\n`);
      expect(observeCgroup(7, procRoot, cgroupRoot)).toMatchObject({ isShared: true });
    },
  );

  it('is unknown when outside our view, none without version 2, and undecided when its members can not be read', async () => {
    await put('proc/7/cgroup', '0::/../x\n');
    expect(observeCgroup(7, procRoot, cgroupRoot)).toBeUndefined();
    await put('proc/7/cgroup', '4:memory:/x\n');
    expect(observeCgroup(7, procRoot, cgroupRoot)).toBe('none');
    await put('proc/7/cgroup', '0::/gone\n');
    expect(observeCgroup(7, procRoot, cgroupRoot)).toMatchObject({ isShared: undefined });
  });

  it('reads values as the kernel writes them', () => {
    expect([parseMax('max\n'), parseMax('12\n'), parseMax('-1'), parseMax('')]).toEqual([
      ...[Number.POSITIVE_INFINITY, 12, undefined, undefined],
    ]);
    expect([
      parseCpuMax('150000 100000\n'),
      parseCpuMax('max 100000\n'),
      parseCpuMax('5 0\n'),
      parseCpuMax('x'),
    ]).toEqual([...[1500, Number.POSITIVE_INFINITY, undefined, undefined]]);
  });
});

describe('looking at paths inside', () => {
  it('reports a link on the way instead of following it to the host', async () => {
    await put('inside/etc/real', '');
    await symlink('/etc', join(root, 'inside/link'));
    const seen = await sightInside(join(root, 'inside'), ['/etc/real', '/link/passwd', '/etc/none']);
    expect(seen.get('/etc/real')).toMatchObject({ isLink: false });
    expect(seen.get('/link/passwd')).toMatchObject({ isLink: true });
    expect(seen.get('/etc/none')).toBe('missing');
  });

  it('writes device numbers as mountinfo does', () => {
    expect([deviceText(65024n), deviceText(21n), deviceText(0x100002n)]).toEqual(['254:0', '0:21', '0:258']);
  });
});

describe('observing a process', () => {
  it('gathers what is there and leaves the rest undefined', async () => {
    await put('proc/7022/stat', `7022 (init) S 7018 ${'0 '.repeat(17)}5 0`);
    await put('proc/7022/status', hardenedStatus);
    await put('proc/7022/mountinfo', podmanMountinfo);
    await put('proc/7022/net/dev', 'Inter-|   Receive  | Transmit\n face |bytes |bytes\n    lo:  0 0\n  eth0: 1 1\n');
    await put('proc/7022/cmdline', 'a\0b\0');
    const seen = await observe({ ...request, procRoot, cgroupRoot, sysRoot: join(root, 'sys') });
    expect([seen.isSameProcess, seen.interfaces, seen.cmdline]).toEqual([true, ['lo', 'eth0'], ['a', 'b']]);
    expect(seen.mounts).toHaveLength(22);
    expect([seen.uidMap, seen.limits, seen.cgroup, seen.namespaces.user, seen.label]).toEqual(
      Array.from({ length: 5 }, () => undefined),
    );
  });

  it('does not judge by a mount table with a line it does not understand', async () => {
    await put('proc/7022/mountinfo', `${podmanMountinfo}and then?\n`);
    expect((await observe({ ...request, procRoot, cgroupRoot })).mounts).toBeUndefined();
  });

  it('says when there is no such process', async () => {
    expect((await observe({ ...request, procRoot, cgroupRoot })).isSameProcess).toBe(false);
  });
});
