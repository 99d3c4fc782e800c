import { mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PolicyDenied } from '../../../src/core/errors.js';
import { type ApprovalContext, approveHostPath } from '../../../src/workspace/approve.js';

let base: string;
let context: Omit<ApprovalContext, 'allowedRoots' | 'hidesOutside'>;
const at = (path: string) => join(base, 'home', path);

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'paddock-programs-')));
  for (const folder of ['tools/node/bin', 'tools/other', 'Documents/bin', '.local/share/node']) {
    await mkdir(at(folder), { recursive: true });
  }
  await mkdir(join(base, 'opt/tools'), { recursive: true });
  await writeFile(join(base, 'mountinfo'), '1 0 8:1 / / rw - ext4 /dev/a rw\n');
  context = {
    ...{ siteRoots: [at('')], homeDir: at(''), uid: process.getuid?.() ?? 0, privateFolders: [] },
    mountinfoPath: join(base, 'mountinfo'),
  };
});
afterEach(() => rm(base, { recursive: true }));

describe.each([true, false])('a folder of programs, where what is outside is hidden: %s', (hidesOutside) => {
  /** What a session is shown, with all of the folders that the site names; by default the one that is asked for. */
  const shown = (hostPath: string, ...hostFolders: readonly string[]) => {
    const allowedRoots = hostFolders.length === 0 ? [hostPath] : hostFolders;
    const request = { hostPath, readOnly: true, purpose: 'host-image' } as const;
    return approveHostPath(request, { ...context, allowedRoots, hidesOutside }).then(
      ({ source }) => source,
      (error: unknown) => (error instanceof PolicyDenied ? error.ruleId : error),
    );
  };
  /** What a session can do that writes the folder above. */
  const lead = async (name: string, to: string) => {
    await rename(at(name), at(`${name}.was`));
    await symlink(to, at(name));
  };

  it('may be in a project', async () => {
    expect(await shown(at('tools/node'))).toBe(at('tools/node'));
    expect(await shown(at('tools/node/bin'), at('tools/node'))).toBe(at('tools/node/bin'));
  });

  it.each(['../Documents', 'other', 'none'])(
    'is none once a link to %s is there that a session can have put there',
    async (to) => {
      await lead('tools/node', to);
      const rule = to === 'none' ? /programs-link|missing|outside-roots/ : /programs-link/;
      expect(await shown(at('tools/node'))).toMatch(rule);
      expect(await shown(at('tools/node/bin'), at('tools/node'))).toMatch(rule);
      expect(await shown(at('tools/node'), at('tools'), at('tools/node'))).toMatch(rule);
    },
  );

  it('is none either where all of home could be shown, or a link above or in the middle leads to it', async () => {
    await symlink('tools/node', at('node'));
    await lead('tools/node', '../Documents');
    expect(await shown(at('tools/node'), base)).toBe('workspace.programs-link');
    expect(await shown(at('node'))).toBe('workspace.programs-link');
    await rm(at('tools/node'));
    await mkdir(at('tools/node'));
    await mkdir(at('.other/bin'), { recursive: true });
    await mkdir(at('tools/deep'));
    await symlink('../../.other', at('tools/deep/way'));
    expect(await shown(at('tools/deep/way/bin'))).toBe('workspace.programs-link');
  });

  it('may be reached by links from home itself, its hidden folders and where no project may be', async () => {
    await symlink('tools/node', at('node'));
    await symlink('node', at('.local/share/current'));
    await symlink(at('tools/other'), join(base, 'opt/other'));
    expect(await shown(at('node'))).toBe(at('tools/node'));
    expect(await shown(at('.local/share/current'))).toBe(at('.local/share/node'));
    expect(await shown(join(base, 'opt/other'))).toBe(at('tools/other'));
  });

  it('may be a link in another one that leads out of it', async () => {
    await mkdir(join(base, 'elsewhere'));
    await symlink('../../elsewhere', join(base, 'opt/tools/node'));
    const folders = [join(base, 'opt/tools'), join(base, 'opt/tools/node')];
    expect(await shown(folders[1] ?? '', ...folders)).toBe(join(base, 'elsewhere'));
    expect(await shown(folders[0] ?? '', ...folders)).toBe(dirname(folders[1] ?? ''));
  });
});
