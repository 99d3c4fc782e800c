import { mkdir, mkdtemp, realpath, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PolicyDenied } from '../../../src/core/errors.js';
import { hostSource } from '../../../src/session/transfers/host-place.js';
import { type ApprovalContext, approveHostPath } from '../../../src/workspace/approve.js';
import { rootsNow } from '../../../src/workspace/roots-now.js';

let base: string;
let context: ApprovalContext;
const at = (path: string) => join(base, 'home', path);

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'paddock-roots-')));
  for (const folder of ['team/sub/project', 'private/project']) await mkdir(at(folder), { recursive: true });
  context = {
    ...{ allowedRoots: [at('team/sub')], homeDir: join(base, 'home'), uid: process.getuid?.() ?? 0 },
    ...{ privateFolders: [], hidesOutside: true, fixedRoots: [at('team/sub')] },
  };
});
afterEach(() => rm(base, { recursive: true }));

const project = (path: string) =>
  approveHostPath({ hostPath: at(path), readOnly: true, purpose: 'workspace' }, context).then(
    ({ source }) => source,
    (error: unknown) => (error instanceof PolicyDenied ? error.ruleId : error),
  );

/** What the session of another key can do that writes `team`. */
async function lead(name: string, to: string): Promise<void> {
  await rename(at(name), at(`${name}.was`));
  await symlink(to, at(name));
}

describe('the root of a key that lies in what another one writes', () => {
  it('is one as long as it lies there', async () => {
    expect(await project('team/sub/project')).toBe(at('team/sub/project'));
  });

  it.each([
    ['absolute, to what its holder was not given', () => lead('team/sub', at('private'))],
    ['relative', () => lead('team/sub', '../private')],
    ['to its own content under another name', () => lead('team/sub', 'sub.was')],
    ['in place of a folder above it', () => lead('team', 'private/team')],
  ])('allows nothing once there is a link instead: %s', async (_what, swap) => {
    await mkdir(at('private/team/sub/project'), { recursive: true });
    await swap();
    const paths = [
      'team/sub',
      'team/sub/project',
      'private/project',
      'private/team/sub/project',
      'team/sub.was/project',
    ];
    for (const path of paths) expect(await project(path), path).toBe('workspace.outside-roots');
    const copy = hostSource(at('team/sub/project'), context);
    await expect(copy).rejects.toMatchObject({ ruleId: 'workspace.outside-roots' });
  });
});

describe('a root below another one', () => {
  beforeEach(() => {
    context = { ...context, fixedRoots: [], allowedRoots: [at('team'), at('team/sub')] };
  });

  it.each([true, false])(
    'is no way out for who writes that one, where what is outside is hidden: %s',
    async (hides) => {
      context = { ...context, hidesOutside: hides };
      expect(await project('team/sub/project')).toBe(at('team/sub/project'));
      await lead('team/sub', at('private'));
      expect(await project('team/sub/project')).toBe('workspace.outside-roots');
      expect(await project('private/project')).toBe('workspace.outside-roots');
      expect(await project('team/sub.was/project')).toBe(at('team/sub.was/project'));
    },
  );

  it('may be a link in home, which is no project, in a hidden folder of it, and in what is no root', async () => {
    await symlink(at('private'), at('link'));
    await mkdir(at('.hidden'));
    await symlink(at('private'), at('.hidden/link'));
    for (const name of ['link', '.hidden/link']) {
      context = { ...context, allowedRoots: [join(base, 'home'), at(name)] };
      expect(await project(`${name}/project`), name).toBe(at('private/project'));
    }
    context = { ...context, allowedRoots: [at('team'), at('link')] };
    expect(await project('link/project')).toBe(at('private/project'));
  });
});

describe('a root that leads through what lies below another one', () => {
  const kept = async (...allowedRoots: readonly string[]) =>
    (await rootsNow({ allowedRoots, homeDir: at('') })).map(({ written }) => written);

  beforeEach(async () => {
    for (const folder of ['secret/project', 'deep']) await mkdir(at(folder), { recursive: true });
    await symlink(at('team/sub'), at('deep/link'));
    await symlink('team/sub', at('link'));
  });

  it.each([true, false])(
    'is no way out for who writes that one, where what is outside is hidden: %s',
    async (hides) => {
      context = { ...context, hidesOutside: hides, fixedRoots: [], allowedRoots: [at('team'), at('deep/link')] };
      expect(await project('team/sub/project')).toBe(at('team/sub/project'));
      await lead('team/sub', at('secret'));
      for (const path of ['secret/project', 'deep/link/project', 'team/sub/project']) {
        expect(await project(path), path).toBe('workspace.outside-roots');
      }
    },
  );

  it.each<[string, () => Promise<readonly string[]>]>([
    ['by a link elsewhere', () => Promise.resolve([at('team'), at('deep/link')])],
    ['by a link in home, which is the other one', () => Promise.resolve([join(base, 'home'), at('link')])],
    [
      'by a folder that a link only passes through',
      async () => {
        await mkdir(at('team/way'));
        await symlink('../team/way/../../private', at('deep/through'));
        return [at('team'), at('deep/through')];
      },
    ],
    [
      'by another name of home',
      async () => {
        await symlink('home', join(base, 'alias'));
        return [join(base, 'alias/team'), at('deep/link')];
      },
    ],
    [
      'by the name of a link to the other one',
      async () => {
        await symlink('../team', at('deep/team'));
        return [at('team'), at('deep/team/sub')];
      },
    ],
  ])('allows nothing, before and after what is there is exchanged: %s', async (_what, lay) => {
    const [other = '', root = ''] = await lay();
    expect(await kept(other, root)).toEqual([other]);
    expect(await kept(root, other)).toEqual([other]);
    await lead('team/sub', at('secret'));
    expect(await kept(other, root)).toEqual([other]);
  });

  it('allows nothing either where it is below itself', async () => {
    await symlink('.', at('team/self'));
    expect(await kept(at('team/self'))).toEqual([]);
  });

  it('takes nothing from others that it is led to hold', async () => {
    const roots = [at('team'), at('deep/link'), at('team/sub'), at('secret/project')];
    for (const to of [at('secret'), base, '/']) {
      await lead('team/sub', to);
      expect(await kept(...roots), to).toEqual([at('team'), at('secret/project')]);
      await rm(at('team/sub'));
      await rename(at('team/sub.was'), at('team/sub'));
    }
  });

  it('allows nothing where each hangs on the other', async () => {
    await symlink(at('secret'), at('team/there'));
    await symlink(at('team'), at('secret/back'));
    expect(await kept(at('team/there'), at('secret/back'))).toEqual([]);
  });
});
