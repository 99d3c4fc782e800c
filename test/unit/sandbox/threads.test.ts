import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { threadsOf } from '../../../src/sandbox/threads.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'paddock-threads-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function fakeThread(id: string, status: string) {
  await mkdir(join(root, '7/task', id), { recursive: true });
  await writeFile(join(root, '7/task', id, 'status'), status);
}

describe('the threads of a process', () => {
  it('are told with their states and how often each has left a processor', async () => {
    await fakeThread(
      '7',
      'Name:\ta\nState:\tT (stopped)\nvoluntary_ctxt_switches:\t40\nnonvoluntary_ctxt_switches:\t2\n',
    );
    await fakeThread('8', 'Name:\tnonsense\n');
    expect(threadsOf(7, root)).toEqual([
      { id: '7', state: 'T', switches: 42 },
      { id: '8', state: '?', switches: 0 },
    ]);
    expect(threadsOf(9, root)).toEqual([]);
  });

  it('have left one more often after they have run', async () => {
    const sum = () => threadsOf(process.pid).reduce((total, { switches }) => total + switches, 0);
    const before = sum();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(sum()).toBeGreaterThan(before);
  });
});
