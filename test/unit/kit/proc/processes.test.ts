import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processesInNamespaceOf, readProcess } from '../../../../src/kit/proc/processes.js';
import { readProcFile } from '../../../../src/kit/proc/read.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'paddock-proc-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function fakeProcess(pid: number, ppid: number, namespace: string): Promise<void> {
  await mkdir(join(root, String(pid), 'ns'), { recursive: true });
  await writeFile(join(root, String(pid), 'stat'), `${pid} (p) S ${ppid} ${'0 '.repeat(17)}77 0`);
  await symlink(namespace, join(root, String(pid), 'ns', 'pid'));
}

describe('processes of a pid namespace', () => {
  it('include those an exec put there from outside and those that made a namespace inside it', async () => {
    await fakeProcess(1, 0, 'pid:[1]');
    await fakeProcess(10, 1, 'pid:[2]');
    await fakeProcess(11, 1, 'pid:[2]');
    await fakeProcess(12, 11, 'pid:[3]');
    await fakeProcess(20, 1, 'pid:[1]');
    const found = await processesInNamespaceOf(10, root);
    expect(found.map((process) => process.pid).sort((a, b) => a - b)).toEqual([10, 11, 12]);
  });

  it('are none when the namespace can not be read', async () => {
    await fakeProcess(1, 0, 'pid:[1]');
    expect(await processesInNamespaceOf(99, root)).toEqual([]);
  });

  it('are found on this machine', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    try {
      await once(child, 'spawn');
      const found = await processesInNamespaceOf(process.pid);
      expect(found.find((one) => one.pid === child.pid)?.ppid).toBe(process.pid);
    } finally {
      child.kill('SIGKILL');
    }
  });
});

describe('reading the kernel', () => {
  it('names a process by its number and start', async () => {
    const self = await readProcess(process.pid);
    expect(self?.ppid).toBe(process.ppid);
    expect(Number(self?.startTicks)).toBeGreaterThan(0);
  });

  it('takes nothing of a file that is longer than the cap', async () => {
    await writeFile(join(root, 'long'), 'x'.repeat(5000));
    expect(await readProcFile(join(root, 'long'), 4999)).toBeUndefined();
    expect(await readProcFile(join(root, 'long'), 5000)).toHaveLength(5000);
    expect(await readProcFile(join(root, 'missing'))).toBeUndefined();
  });
});
