import { mkdir, mkdtemp, realpath, rename, rm, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { App } from '../../../src/cli/app.js';
import { loadConfig } from '../../../src/config/load.js';
import { approveHostPath } from '../../../src/workspace/approve.js';

it('the roots of a key hold for its sessions as long as no link has taken their place', async () => {
  // Where projects may lie by the built-in policy.
  const home = await mkdtemp(join(await realpath(homedir()), 'pdk-roots-'));
  try {
    for (const name of ['given/project', 'other/project']) await mkdir(join(home, name), { recursive: true });
    const env = { XDG_STATE_HOME: join(home, '.s'), XDG_RUNTIME_DIR: join(home, '.r'), XDG_CONFIG_HOME: home };
    const homeDir = await realpath(homedir());
    const config = await loadConfig({ flags: {}, env, homeDir, uid: process.getuid?.() ?? 0 });
    await using app = new App(config, env);
    const rights = { readWriteAllowed: false, allow: [], providers: [], ceilings: {} };
    await using theirs = app.forKey('0123456789abcdef', { ...rights, roots: [join(home, 'given')] });
    const request = { hostPath: join(home, 'given/project'), readOnly: true, purpose: 'workspace' } as const;
    expect((await approveHostPath(request, theirs.approval())).source).toBe(request.hostPath);
    // Sessions of others write what the key was not given, too.
    expect(theirs.approval().siteRoots).toEqual(app.approval().allowedRoots);
    await rename(join(home, 'given'), join(home, 'was'));
    await symlink('other', join(home, 'given'));
    await expect(approveHostPath(request, theirs.approval())).rejects.toMatchObject({
      ruleId: 'workspace.outside-roots',
    });
    // Whose own host it is goes where the link leads.
    expect((await approveHostPath(request, app.approval())).source).toBe(join(home, 'other/project'));
  } finally {
    await rm(home, { recursive: true });
  }
});

it('what the policy names below the folder of a key is no way out of that folder', async () => {
  const home = await mkdtemp(join(await realpath(homedir()), 'pdk-roots-'));
  try {
    for (const name of ['given', 'team/sub/project']) await mkdir(join(home, name), { recursive: true });
    await symlink('../team/sub', join(home, 'given/link'));
    const env = { XDG_STATE_HOME: join(home, '.s'), XDG_RUNTIME_DIR: join(home, '.r'), XDG_CONFIG_HOME: home };
    const config = await loadConfig({ flags: {}, env, homeDir: home, uid: process.getuid?.() ?? 0 });
    const sitePolicy = { ...config.sitePolicy, allowedRoots: [join(home, 'given/link')] };
    await using app = new App({ ...config, sitePolicy }, env);
    const rights = { readWriteAllowed: false, allow: [], providers: [], ceilings: {} };
    await using theirs = app.forKey('0123456789abcdef', { ...rights, roots: [join(home, 'given')] });
    const request = { hostPath: join(home, 'given/link/project'), readOnly: true, purpose: 'workspace' } as const;
    await expect(approveHostPath(request, theirs.approval())).rejects.toMatchObject({
      ruleId: 'workspace.outside-roots',
    });
    expect((await approveHostPath(request, app.approval())).source).toBe(join(home, 'team/sub/project'));
  } finally {
    await rm(home, { recursive: true });
  }
});
