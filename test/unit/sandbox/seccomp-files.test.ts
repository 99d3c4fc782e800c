import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { seccompProfiles } from '../../../src/confine/seccomp/profile.js';
import { seccompOf, stageSeccomp } from '../../../src/sandbox/seccomp-files.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paddock-seccomp-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('puts every profile where only its owner gets, under a name that tells what is in it', async () => {
  const files = await stageSeccomp(folder);
  for (const { variant, json, fingerprint } of seccompProfiles()) {
    const staged = seccompOf(files, { seccomp: variant });
    expect(staged.path).toBe(join(folder, 'bin', `seccomp-${variant}-${fingerprint}.json`));
    expect(await readFile(staged.path, 'utf8')).toBe(json);
    expect((await stat(staged.path)).mode & 0o777).toBe(0o444);
  }
  expect((await stat(join(folder, 'bin'))).mode & 0o777).toBe(0o700);
  expect(seccompOf(files, {})).toBe(seccompOf(files, { seccomp: 'default' }));
});

it('replaces one that was changed, and leaves the others', async () => {
  const { path, json } = seccompOf(await stageSeccomp(folder), {});
  const untouched = seccompOf(await stageSeccomp(folder), { seccomp: 'debug' }).path;
  const before = (await stat(untouched)).ino;
  await chmod(path, 0o600);
  await writeFile(path, '{"defaultAction":"SCMP_ACT_ALLOW"}');
  await stageSeccomp(folder);
  expect(await readFile(path, 'utf8')).toBe(json);
  expect((await stat(untouched)).ino).toBe(before);
});

it('says so when it can not', async () => {
  await writeFile(join(folder, 'file'), '');
  await expect(stageSeccomp(join(folder, 'file'))).rejects.toMatchObject({ code: 'STATE_UNWRITABLE' });
});
