import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readProcFileNow } from '../../../../src/kit/proc/read.js';

it('reads a short file of the kernel whole, and says nothing of one that is missing or longer than such files are', async () => {
  expect(readProcFileNow('/proc/self/status')).toMatch(/^Name:\t.+\n[\s\S]*\nSeccomp:/);
  expect(readProcFileNow('/proc/self/no-such-file')).toBeUndefined();
  const folder = await mkdtemp(join(tmpdir(), 'paddock-read-'));
  try {
    await writeFile(join(folder, 'long'), 'x'.repeat(20_000));
    expect(readProcFileNow(join(folder, 'long'))).toBeUndefined();
  } finally {
    await rm(folder, { recursive: true });
  }
});
