import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownProcessesOf } from '../../../src/sandbox/own-processes.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paddock-own-'));
  for (const name of ['init', 'other']) await writeFile(join(folder, name), name);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Facts {
  readonly ppid: number;
  readonly program?: string;
  readonly stack?: number;
  readonly heap?: number;
  readonly flags?: number;
}

async function shown(pid: number, { ppid, program = 'init', stack = 7000, heap = 500, flags = 0x400140 }: Facts) {
  await mkdir(join(folder, String(pid)));
  await symlink(join(folder, program), join(folder, String(pid), 'exe'));
  const rest = Array.from({ length: 50 }, (_, i) => ({ 1: ppid, 6: flags, 25: stack, 44: heap })[i] ?? 0).slice(1);
  await writeFile(join(folder, String(pid), 'stat'), `${pid} (a) b) S ${rest.join(' ')}\n`);
}

const own = (pid: number) => ownProcessesOf(10, folder)({ pid });
const init = { ppid: 1, flags: 0x400100 };

describe('our own processes in a sandbox', () => {
  it('are process 1, copies that are its children, and copies that are theirs', async () => {
    await shown(10, init);
    await shown(11, { ppid: 10 });
    await shown(12, { ppid: 11 });
    expect([10, 11, 12].map(own)).toEqual([true, true, true]);
  });

  it('are none that have run a program, or another one, or have their memory elsewhere', async () => {
    await shown(10, init);
    await shown(11, { ppid: 10, flags: 0x400100 });
    await shown(12, { ppid: 10, program: 'other' });
    await shown(13, { ppid: 10, stack: 7008 });
    await shown(14, { ppid: 10, heap: 501 });
    expect([11, 12, 13, 14, 15].map(own)).toEqual([false, false, false, false, false]);
  });

  it('are none that stand deeper, or beneath what a command runs', async () => {
    await shown(10, init);
    await shown(11, { ppid: 10 });
    await shown(12, { ppid: 11, flags: 0x400100 });
    await shown(13, { ppid: 12 });
    await shown(14, { ppid: 11 });
    await shown(15, { ppid: 14 });
    await shown(16, { ppid: 99 });
    expect([12, 13, 15, 16].map(own)).toEqual([false, false, false, false]);
  });

  it('are no copies that can be told where process 1 can not be looked at', async () => {
    await shown(11, { ppid: 10 });
    expect([10, 11].map(own)).toEqual([true, false]);
  });
});
