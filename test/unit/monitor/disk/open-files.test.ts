import { closeSync, fstatSync, ftruncateSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LinksSeen } from '../../../../src/monitor/disk/links-seen.js';
import { countUnnamedFiles, type OpenFilesOptions } from '../../../../src/monitor/disk/open-files.js';
import { Pace } from '../../../../src/monitor/disk/pace.js';
import { HeldClock } from '../../tools/support/stage.js';

const mib = 1024 ** 2;

let folder: string;
let procRoot: string;
let open: number[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paddock-open-'));
  procRoot = join(folder, 'proc');
  open = [];
});
afterEach(async () => {
  for (const fd of open) closeSync(fd);
  await rm(folder, { recursive: true, force: true });
});

/** A file of 1 MiB that has no name any more; its descriptor in this process. */
function unnamed(): number {
  const path = join(folder, `file-${open.length}`);
  const fd = openSync(path, 'w+');
  open.push(fd);
  writeSync(fd, Buffer.alloc(mib, 1));
  rmSync(path);
  return fd;
}

/** Links in /proc lead to open files whatever they say. */
async function linkTo(fd: number): Promise<string> {
  const path = join(folder, `file-${fd} (deleted)`);
  await symlink(`/proc/${process.pid}/fd/${fd}`, path).catch(() => undefined);
  return path;
}

interface Task {
  /** Texts of its links. */
  readonly links?: readonly string[];
  readonly fdinfo?: Readonly<Record<number, string>>;
  readonly maps?: string;
  readonly state?: string;
}

async function task(pid: number, tid: number, { links = [], fdinfo = {}, maps = '', state = 'T' }: Task) {
  const path = join(procRoot, String(pid), 'task', String(tid));
  await mkdir(join(path, 'fdinfo'), { recursive: true });
  await writeFile(join(path, 'stat'), `${tid} (x) ${state} 1${' 0'.repeat(15)} 2 0 5 0`);
  await writeFile(join(path, 'maps'), maps);
  // As the kernel has it at a first thread that has ended.
  if (state === 'Z') return;
  await mkdir(join(path, 'fd'));
  for (const [fd, text] of links.entries()) await symlink(text, join(path, 'fd', String(fd)));
  for (const [fd, text] of Object.entries(fdinfo)) await writeFile(join(path, 'fdinfo', fd), text);
}

function count(changes: Partial<OpenFilesOptions> = {}) {
  const { dev } = statSync(folder);
  return countUnnamedFiles({
    pids: [100],
    devices: new Set([dev]),
    fileSystems: new Set([dev]),
    mayBeWritten: () => (path) => path.startsWith('/workspace'),
    links: new LinksSeen(),
    pace: new Pace(new HeldClock()),
    isWhole: true,
    procRoot,
    ...changes,
  });
}

/** Of a mapping, as the kernel has it: major and minor number in hexadecimal. */
function mapped(fd: number, path: string): string {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
  const device = `${major.toString(16).padStart(2, '0')}:${minor.toString(16).padStart(2, '0')}`;
  return `7f0000000000-7f0000001000 rw-s 00000000 ${device} ${ino}                    ${path} (deleted)\n`;
}

const library = '7f0000002000-7f0000003000 r-xp 00000000 00:1f 77                    /usr/lib/libc.so.6\n';

describe('files that have no name any more', () => {
  it('are counted in the table of each thread, and once for all that have them open', async () => {
    const [shared, own] = [await linkTo(unnamed()), await linkTo(unnamed())];
    const quiet = ['/dev/null', 'pipe:[7]', '/workspace/named'];
    await task(100, 100, { links: [...quiet, shared] });
    for (let tid = 101; tid < 120; tid += 1) await task(100, tid, { links: [...quiet, shared] });
    await task(100, 120, { links: [...quiet, own] });
    expect(await count()).toMatchObject({ inodes: 2, uncounted: 0, underWay: 0 });
    expect((await count()).bytes).toBeGreaterThanOrEqual(2 * mib);
  });

  it('are counted where the first thread has ended, and a thread that can not be looked at is uncounted', async () => {
    await task(100, 100, { state: 'Z' });
    await task(100, 101, { links: [await linkTo(unnamed())] });
    for (const isWhole of [false, true]) expect(await count({ isWhole })).toMatchObject({ inodes: 1, uncounted: 0 });
    await task(100, 102, { state: 'Z' });
    expect(await count()).toMatchObject({ inodes: 1, uncounted: 0 });
    await task(100, 103, {});
    await rm(join(procRoot, '100/task/103/fd'), { recursive: true });
    expect(await count()).toMatchObject({ inodes: 1, uncounted: 1 });
  });

  it('are passed over in files of a host that were replaced, and told from those whose name ends so', async () => {
    const path = join(folder, 'named (deleted)');
    await writeFile(path, 'x');
    await task(100, 100, { links: [path] });
    expect(await count()).toMatchObject({ bytes: 0, inodes: 0, uncounted: 0 });
  });

  it('are seen under way in sockets and kept by rings, each socket once, where everything is looked at', async () => {
    const links = ['socket:[5]', 'socket:[5]', 'socket:[6]', 'anon_inode:[io_uring]'];
    const fdinfo = { 0: 'pos:\t0\nscm_fds: 2\n', 1: 'scm_fds: 2\n', 2: 'scm_fds: 0\n', 3: 'UserFiles:\t3\n' };
    await task(100, 100, { links, fdinfo });
    expect(await count()).toMatchObject({ underWay: 5, uncounted: 0 });
    expect(await count({ isWhole: false })).toMatchObject({ underWay: 0 });
    await writeFile(join(procRoot, '100/task/100/fdinfo/2'), 'x'.repeat(300 * 1024));
    expect(await count()).toMatchObject({ underWay: 6 });
  });

  it('are uncounted when they are only mapped, since nobody tells how large they are', async () => {
    const fd = unnamed();
    await task(100, 100, { maps: library + mapped(fd, '/workspace/a\r b') + library });
    expect(await count()).toMatchObject({ inodes: 0, uncounted: 1 });
    expect(await count({ isWhole: false })).toMatchObject({ uncounted: 0 });
    expect(await count({ devices: new Set(), fileSystems: new Set() })).toMatchObject({ uncounted: 0 });
  });

  it('are counted when they are mapped and open as well, or run', async () => {
    const fd = unnamed();
    await task(100, 100, { maps: mapped(fd, '/workspace/a') });
    await symlink(await linkTo(fd), join(procRoot, '100', 'exe'));
    expect(await count({ mayBeWritten: () => () => true })).toMatchObject({ inodes: 1, uncounted: 0 });
    await task(100, 101, { links: [await linkTo(fd)] });
    expect(await count()).toMatchObject({ inodes: 1, uncounted: 0 });
  });

  it('are not those of folders that the sandbox can not write, unless it may have them anywhere', async () => {
    await task(100, 100, { maps: mapped(unnamed(), '/usr/lib/libz.so.1') });
    expect(await count()).toMatchObject({ uncounted: 0 });
    expect(await count({ mayBeWritten: () => () => true })).toMatchObject({ uncounted: 1 });
  });

  it('are found in the memory of a thread when the first has ended, and across what is read at once', async () => {
    await task(100, 100, { state: 'Z' });
    const long = library.repeat(Math.ceil(65_536 / library.length) - 1);
    const line = mapped(unnamed(), '/workspace/a');
    for (const start of [0, 10, 100, 160]) {
      const text = `${long}${'7'.repeat(start)}\n${line}${library}`;
      await task(100, 101, { maps: text });
      expect(await count()).toMatchObject({ uncounted: 1 });
      await rm(join(procRoot, '100/task/101'), { recursive: true });
    }
  });

  it('are uncounted behind more memory than is read', async () => {
    await task(100, 100, {});
    const maps = openSync(join(procRoot, '100/task/100/maps'), 'w');
    ftruncateSync(maps, 2 * mib);
    closeSync(maps);
    expect(await count()).toMatchObject({ uncounted: 1 });
  });
});
