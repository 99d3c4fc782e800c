import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processesOf } from '../../../src/sandbox/processes.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'paddock-proc-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function fakeProcess(pid: number | 'self', ppid: number, namespace?: string, state = 'S', threads = 1) {
  await mkdir(join(root, String(pid), 'ns'), { recursive: true });
  const between = '0 '.repeat(15);
  await writeFile(join(root, String(pid), 'stat'), `${pid} (a) S 1 (p) ${state} ${ppid} ${between}${threads} 0 77 0`);
  if (namespace !== undefined) await symlink(namespace, join(root, String(pid), 'ns', 'pid'));
}

const found = (namespace: string) =>
  processesOf(namespace, root)
    .map((process) => process.pid)
    .sort((a, b) => a - b);

describe('the processes of a sandbox', () => {
  beforeEach(async () => {
    await fakeProcess('self', 0, 'pid:[1]');
    await fakeProcess(1, 0, 'pid:[1]');
    await fakeProcess(10, 1, 'pid:[2]');
  });

  it('include those an exec put there from outside and those that made a namespace inside it', async () => {
    await fakeProcess(11, 1, 'pid:[2]');
    await fakeProcess(12, 11, 'pid:[3]');
    await fakeProcess(13, 12, 'pid:[4]');
    await fakeProcess(20, 1, 'pid:[1]');
    await fakeProcess(30, 1, 'pid:[5]');
    expect(found('pid:[2]')).toEqual([10, 11, 12, 13]);
  });

  it('include those that let nobody look into them, by descent, and nobody else’s', async () => {
    await fakeProcess(11, 10);
    await fakeProcess(12, 11);
    await fakeProcess(13, 12, 'pid:[3]');
    // Some other user's, with a parent of ours on the host, and one that is still there after its parent has gone.
    await fakeProcess(20, 1);
    await fakeProcess(21, 20);
    await fakeProcess(22, 19);
    expect(found('pid:[2]')).toEqual([10, 11, 12, 13]);
    expect(processesOf('pid:[2]', root).find(({ pid }) => pid === 11)).toEqual({
      ...{ pid: 11, ppid: 10, startTicks: '77', namespace: undefined },
    });
  });

  it('are decided whatever the parents look like: a loop, or a very long line', async () => {
    await fakeProcess(11, 12);
    await fakeProcess(12, 11);
    for (let pid = 1000; pid < 1700; pid += 1) await fakeProcess(pid, pid === 1000 ? 10 : pid - 1);
    expect(found('pid:[2]')).toHaveLength(701);
  });

  it('include a zombie only while it has other threads', async () => {
    await fakeProcess(11, 10, 'pid:[2]', 'Z', 1);
    await fakeProcess(12, 10, 'pid:[2]', 'Z', 2);
    expect(found('pid:[2]')).toEqual([10, 12]);
  });

  it('are none in a namespace that nobody is in', () => {
    expect(found('pid:[9]')).toEqual([]);
  });
});
