import { chmod, mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hostPath } from '../../../src/kit/host-path.js';
import { isOwnFolder } from '../../../src/kit/owned-folder.js';

describe('the PATH for programs of the host', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'paddock-test-')));
    await mkdir(join(folder, 'project/bin'), { recursive: true });
  });
  afterEach(() => rm(folder, { recursive: true }));

  const left = (entries: readonly string[], projects: readonly string[] = []) =>
    hostPath({ PATH: entries.join(':'), HOME: folder }, projects);

  it('has nothing relative and nothing of a node_modules, whatever leads there', async () => {
    await mkdir(join(folder, 'node_modules/.bin'), { recursive: true });
    await symlink(join(folder, 'node_modules/.bin'), join(folder, 'tools'));
    const bad = ['', '.', 'bin', '/x/node_modules/.bin', '/x/node_modules/.bin/', `${folder}/tools`];
    expect(await left([...bad, '/usr/bin', ...bad, '/opt/own'])).toBe('/usr/bin:/opt/own');
  });

  it('has nothing of a project, whatever leads there', async () => {
    const project = join(folder, 'project');
    await symlink(join(project, 'bin'), join(folder, 'link'));
    const bad = [project, `${project}/`, `${project}/bin`, `${folder}/x/../project/bin/`, `${folder}/link`];
    expect(await left([...bad, '/usr/bin', `${project}s/bin`], [project])).toBe(`/usr/bin:${project}s/bin`);
    await symlink(project, join(folder, 'named'));
    expect(await left([`${project}/bin`, '/usr/bin'], [join(folder, 'named')])).toBe('/usr/bin');
  });

  it('has nothing of the working directory, unless the user’s own folder is in it', async () => {
    const before = process.cwd();
    process.chdir(join(folder, 'project'));
    try {
      expect(await left([`${folder}/project/bin`, `${folder}/bin`])).toBe(`${folder}/bin`);
      process.chdir(folder);
      expect(await left([`${folder}/bin`])).toBe(`${folder}/bin`);
      process.chdir('/');
      expect(await left([`${folder}/bin`])).toBe(`${folder}/bin`);
    } finally {
      process.chdir(before);
    }
  });

  it('has nothing of a folder where anybody else can put a program', async () => {
    const own = join(folder, 'own/bin');
    await mkdir(own, { recursive: true });
    expect(await left([own, '/usr/bin'])).toBe(`${own}:/usr/bin`);
    await symlink(own, join(folder, 'named'));
    expect(await left([join(folder, 'named')])).toBe(join(folder, 'named'));
    await chmod(own, 0o1777);
    expect(await left([join(folder, 'named'), '/usr/bin'])).toBe('/usr/bin');
    expect(await left([own, '/usr/bin'])).toBe('/usr/bin');
    await chmod(own, 0o755);
    await chmod(join(folder, 'own'), 0o777);
    expect(await left([own, `${own}/missing`, '/usr/bin'])).toBe('/usr/bin');
    // Nobody can rename what is another's there.
    await chmod(join(folder, 'own'), 0o1777);
    expect(await left([own, '/usr/bin'])).toBe(`${own}:/usr/bin`);
    expect(await left([join(folder, 'own/missing'), '/usr/bin'])).toBe('/usr/bin');
  });

  it('has nothing of a folder that is neither the caller’s nor root’s', () => {
    const uid = process.geteuid?.() ?? 0;
    expect([isOwnFolder(folder, uid), isOwnFolder('/usr', uid + 1)]).toEqual([true, true]);
    // To root every folder of the caller's is another's, and where the tests are root it is the other way round.
    expect(isOwnFolder(folder, uid + 1)).toBe(uid === 0);
  });

  it('is never empty, which would be the working directory', async () => {
    expect(await left(['.'])).toBe('/nonexistent');
    expect(await left([])).toBe('/nonexistent');
    expect(await hostPath({})).toBeUndefined();
  });
});
