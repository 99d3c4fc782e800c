import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readProcess } from '../../../../src/kit/proc/processes.js';
import { readProcFile } from '../../../../src/kit/proc/read.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'paddock-proc-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('reading the kernel', () => {
  it('names a process by its number and start', () => {
    const self = readProcess(process.pid);
    expect(self?.ppid).toBe(process.ppid);
    expect(Number(self?.startTicks)).toBeGreaterThan(0);
  });

  it('takes nothing of a file that is longer than the cap', async () => {
    await writeFile(join(root, 'long'), 'x'.repeat(5000));
    expect(readProcFile(join(root, 'long'), 4999)).toBeUndefined();
    expect(readProcFile(join(root, 'long'), 5000)).toHaveLength(5000);
    expect(readProcFile(join(root, 'missing'))).toBeUndefined();
  });
});
