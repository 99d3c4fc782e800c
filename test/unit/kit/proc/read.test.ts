import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readProcFile } from '../../../../src/kit/proc/read.js';

it('reads a short file of the kernel whole, and says nothing of one that is missing or longer than such files are', async () => {
  expect(readProcFile('/proc/self/status')).toMatch(/^Name:\t.+\n[\s\S]*\nSeccomp:/);
  expect(readProcFile('/proc/self/no-such-file')).toBeUndefined();
  const folder = await mkdtemp(join(tmpdir(), 'paddock-read-'));
  try {
    await writeFile(join(folder, 'long'), 'x'.repeat(20_000));
    expect(readProcFile(join(folder, 'long'), 19_999)).toBeUndefined();
  } finally {
    await rm(folder, { recursive: true });
  }
});
