import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WrittenBytes } from '../../../../src/monitor/disk/written-bytes.js';

describe('what processes have written', () => {
  let proc: string;
  beforeEach(async () => {
    proc = await mkdtemp(join(tmpdir(), 'paddock-written-'));
  });
  afterEach(() => rm(proc, { recursive: true }));

  const has = async (pid: number, bytes: number) => {
    await mkdir(join(proc, String(pid)), { recursive: true });
    await writeFile(
      join(proc, String(pid), 'io'),
      `rchar: 1\nwchar: 9\nwrite_bytes: ${bytes}\ncancelled_write_bytes: 5\n`,
    );
  };

  it('is added up over processes, and does not go with them', async () => {
    const written = new WrittenBytes(proc);
    expect(written.look([])).toBe(0);
    await has(1, 100);
    await has(2, 10);
    expect(written.look([1, 2])).toBe(110);
    await has(1, 150);
    await rm(join(proc, '2'), { recursive: true });
    expect(written.look([1, 2])).toBe(160);
    // Another process with the number of one that ended.
    await has(2, 7);
    expect(written.look([1, 2])).toBe(167);
    expect(written.look([])).toBe(167);
  });

  it('is not known when none of them lets itself be seen', async () => {
    const written = new WrittenBytes(proc);
    expect(written.look([5])).toBeUndefined();
    await has(6, 3);
    expect(written.look([5, 6])).toBe(3);
  });
});
