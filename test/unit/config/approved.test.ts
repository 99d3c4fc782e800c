import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addApproved, readApproved } from '../../../src/config/approved.js';

describe('what was approved for always', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-approved-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function read(path: string, lists: readonly string[], warnings: string[] = []): Promise<readonly string[]> {
    return readApproved({ text: await readFile(path, 'utf8'), ownerUid: 0, mode: 0o600 }, path, lists, warnings);
  }

  it('is added rule by rule, also behind a line without an end', async () => {
    const path = join(folder, 'paddock/approved-hosts');
    await addApproved(path, 'https://a.example');
    await writeFile(path, '# by hand', { flag: 'a' });
    await addApproved(path, 'https://b.example');
    expect(await read(path, ['*'])).toEqual(['https://a.example', 'https://b.example']);
  });

  it('is told of as not kept where settings can’t be written, and that it was let through all the same', async () => {
    await writeFile(join(folder, 'paddock'), 'a file where there should be a folder');
    await expect(addApproved(join(folder, 'paddock/approved-hosts'), 'https://a.example')).rejects.toMatchObject({
      code: 'BAD_CONFIG',
      message: expect.stringMatching(/^https:\/\/a\.example could not be kept .*\(E[A-Z]+\): it is let through while/),
      hint: expect.stringContaining('on the host'),
    });
  });

  it('holds as far as the policy’s lists go, and what they do not cover is a warning', async () => {
    const path = join(folder, 'approved-hosts');
    await writeFile(path, 'https://a.example\nhttps://b.example\n127.1\nhttps://a.example\n');
    const warnings: string[] = [];
    expect(await read(path, ['a.example'], warnings)).toEqual(['https://a.example']);
    expect(warnings).toHaveLength(2);
    expect(readApproved(undefined, path, ['*'], [])).toEqual([]);
  });
});
