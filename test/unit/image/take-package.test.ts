import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PackageFile } from '../../../src/image/build-context.js';
import { takePackage } from '../../../src/image/take-package.js';
import { packageOf } from '../../support/agent-package.js';

const never = new AbortController().signal;

describe('taking a package', () => {
  let folder: string;
  let own: string;
  let one: PackageFile;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-test-'));
    own = join(folder, 'own');
    await mkdir(own);
    const { package: made, bytes } = await packageOf('claude', { 'package/bin/claude': 'x' }, 'bin/claude');
    one = { package: made, path: join(folder, 'claude.tgz') };
    await writeFile(one.path, bytes);
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('gives a copy that does not change with the file it was made of', async () => {
    const bytes = await readFile(one.path);
    const taken = await takePackage(one, own, never);
    await writeFile(one.path, 'another');
    expect(taken.path.startsWith(`${own}/`)).toBe(true);
    expect(await readFile(taken.path)).toEqual(bytes);
  });

  it.each([
    ['another digest', `sha512-${Buffer.alloc(64).toString('base64')}`],
    ['no digest', 'sha512-'],
  ])('refuses a file where %s is pinned', async (_what, integrity) => {
    const other = { ...one, package: { ...one.package, integrity } };
    const message: unknown = expect.stringContaining('is not @test/claude@1.2.3');
    await expect(takePackage(other, own, never)).rejects.toMatchObject({ code: 'AGENT_NOT_FETCHED', message });
  });

  it('follows no link, waits for no FIFO and reads no device', async () => {
    const [link, fifo] = [join(folder, 'link'), join(folder, 'fifo')];
    await symlink(one.path, link);
    execFileSync('mkfifo', [fifo]);
    for (const path of [link, fifo, '/dev/zero', folder, join(folder, 'none.tgz')])
      await expect(takePackage({ ...one, path }, own, never)).rejects.toMatchObject({ code: 'AGENT_NOT_FETCHED' });
  });

  it('reads none that is larger than any package', async () => {
    await truncate(one.path, 512 * 1024 ** 2 + 1);
    const message: unknown = expect.stringContaining('larger than any');
    await expect(takePackage(one, own, never)).rejects.toMatchObject({ code: 'AGENT_NOT_FETCHED', message });
  });

  it('ends when it is cancelled', async () => {
    await expect(takePackage(one, own, AbortSignal.abort())).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });
});
