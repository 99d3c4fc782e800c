import { mkdir, mkdtemp, realpath, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PolicyDenied } from '../../../src/core/errors.js';
import { hostSource } from '../../../src/session/transfers/host-place.js';
import { type ApprovalContext, approveHostPath } from '../../../src/workspace/approve.js';

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

  it('may be a link in home, which is no project, and in what is no root', async () => {
    await symlink(at('private'), at('link'));
    context = { ...context, allowedRoots: [join(base, 'home'), at('link')] };
    expect(await project('link/project')).toBe(at('private/project'));
    context = { ...context, allowedRoots: [at('team'), at('link')] };
    expect(await project('link/project')).toBe(at('private/project'));
  });
});
