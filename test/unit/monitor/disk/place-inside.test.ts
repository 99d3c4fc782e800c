import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deviceNumber } from '../../../../src/kit/proc/device-number.js';
import { fileSystemsOf, numbersOf, writtenInside } from '../../../../src/monitor/disk/place-inside.js';

let procRoot: string;

beforeEach(async () => {
  procRoot = await mkdtemp(join(tmpdir(), 'paddock-place-'));
});
afterEach(() => rm(procRoot, { recursive: true, force: true }));

async function shown(pid: number, namespace: string, mounts: readonly string[] = []) {
  await mkdir(join(procRoot, String(pid), 'ns'), { recursive: true });
  await symlink(namespace, join(procRoot, String(pid), 'ns/mnt'));
  await writeFile(join(procRoot, String(pid), 'mountinfo'), mounts.map((line) => `${line}\n`).join(''));
}

/** Of mountinfo: what of a file system is shown where, and how. */
const mount = (id: number, device: string, root: string, at: string, options = 'rw,nosuid') =>
  `${id} 1 ${device} ${root} ${at} ${options} - ext4 /dev/vda rw`;

describe('what a process in a sandbox may have written', () => {
  const present = new Set(['8:1']);

  it('is all but what lies in a mount that shows neither that nor what is in it or around it', async () => {
    await shown(10, 'mnt:[7]', [
      mount(2, '0:50', '/', '/', 'ro'),
      mount(3, '8:1', '/home/ann/project', '/workspace'),
      mount(4, '8:1', '/home/ann/project/docs', '/docs', 'ro'),
      mount(5, '8:1', '/home', '/all', 'ro'),
      mount(6, '8:1', '/usr', '/usr', 'ro'),
      mount(7, '0:51', '/', '/tmp'),
    ]);
    await shown(11, 'mnt:[7]');
    const of = writtenInside(10, present, procRoot);
    const mayBe = of(11);
    for (const path of ['/workspace/a', '/docs/b', '/all/x', '/all/ann/project/y'])
      expect([path, mayBe(path)]).toEqual([path, true]);
    for (const path of ['/usr/lib/libz.so', '/usr']) expect([path, mayBe(path)]).toEqual([path, false]);
    // Moved out of the mount that it was opened through: the path is that of the whole file system then.
    expect(mayBe('/home/ann/project/moved')).toBe(true);
  });

  it('is anywhere for a process with mounts of its own, or that can not be looked at', async () => {
    const mounts = [mount(3, '8:1', '/project', '/workspace'), mount(4, '8:1', '/usr', '/usr', 'ro')];
    await shown(10, 'mnt:[7]', mounts);
    await shown(11, 'mnt:[8]', mounts);
    const of = writtenInside(10, present, procRoot);
    expect([of(10), of(11), of(12)].map((mayBe) => mayBe('/usr/a'))).toEqual([false, true, true]);
  });

  it('is anywhere where the mounts of process 1 can not be read', async () => {
    await shown(10, 'mnt:[7]', [
      mount(3, '8:1', '/project', '/workspace'),
      mount(4, '8:1', '/usr', '/usr', 'ro'),
      'nonsense',
    ]);
    await shown(11, 'mnt:[7]');
    const [garbled, none, gone] = [10, undefined, 99].map((pid) => writtenInside(pid, present, procRoot));
    expect([garbled, none, gone].map((of) => of?.(11)('/usr/a'))).toEqual([true, true, true]);
  });
});

describe('the file systems of open folders', () => {
  it('are found by the mounts that they were reached by', () => {
    const fd = openSync(tmpdir(), 'r');
    try {
      const [device] = fileSystemsOf([fd]);
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).toContain(` ${device} `);
      // Where stat has the same number, as on nearly every file system.
      const proc = statSync('/proc').dev;
      const mounted = / (\d+:\d+) \/ \/proc /.exec(readFileSync('/proc/self/mountinfo', 'utf8'))?.[1] ?? '';
      expect([...numbersOf(new Set([mounted]))]).toEqual([proc]);
    } finally {
      closeSync(fd);
    }
  });

  it('have large numbers put together as the C library does', () => {
    expect([deviceNumber(8, 1), deviceNumber(254, 0), deviceNumber(0, 300)]).toEqual([0x801, 0xfe00, 0x10002c]);
    expect(deviceNumber(0x12345, 0x6789a)).toBe(0x12 * 2 ** 44 + 0x678 * 2 ** 20 + 0x3459a);
  });
});
