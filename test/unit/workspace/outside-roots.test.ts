import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PolicyDenied } from '../../../src/core/errors.js';
import { hostSource, hostTarget } from '../../../src/session/transfers/host-place.js';
import { type ApprovalContext, approveHostPath } from '../../../src/workspace/approve.js';

let base: string;
let context: ApprovalContext;
beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'paddock-outside-')));
  for (const folder of ['home/work/project', 'home/other', 'home/.ssh', 'home/shut']) {
    await mkdir(join(base, folder), { recursive: true });
  }
  await writeFile(join(base, 'home/.ssh/key'), '');
  await writeFile(join(base, 'mountinfo'), '1 0 8:1 / / rw - ext4 /dev/a rw\n');
  context = {
    ...{ allowedRoots: [join(base, 'home/work')], homeDir: join(base, 'home'), uid: process.getuid?.() ?? 0 },
    ...{ privateFolders: [join(base, 'home/state')], mountinfoPath: join(base, 'mountinfo'), hidesOutside: true },
  };
});
afterEach(async () => {
  await chmod(join(base, 'home/shut'), 0o700);
  await rm(base, { recursive: true });
});

/** All that a caller gets to see of a refusal, with the name that was asked for left out. */
async function refusal(path: string, attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof PolicyDenied)) return `no refusal: ${String(error)}`;
  return JSON.stringify([error.ruleId, error.message, error.hint, error.info]).replaceAll(path, 'PATH');
}

const project = (hostPath: string) => approveHostPath({ hostPath, readOnly: true, purpose: 'workspace' }, context);

describe('to a caller from elsewhere, what lies outside its roots', () => {
  it('is the same whether it is there or not, and of whatever kind', async () => {
    await chmod(join(base, 'home/shut'), 0);
    const links = { there: 'home/.ssh/key', folder: 'home/other', nowhere: 'home/none', up: '..' };
    for (const [name, to] of Object.entries(links)) await symlink(join(base, to), join(base, 'home/work', name));
    const paths = [
      ...['/', '/etc', '/etc/none-such', '/root/x', '/proc/1/root/etc', join(base, 'home'), join(base, 'none')],
      ...['home/other', 'home/none', 'home/.ssh', 'home/.none', 'home/state', 'home/shut/x', 'home/work-too'].map(
        (path) => join(base, path),
      ),
      ...Object.keys(links).map((name) => join(base, 'home/work', name)),
      ...['there/x', 'folder/x', 'nowhere/x', 'up/.ssh', 'project/../../.ssh', 'project/../../none'].map(
        (path) => `${base}/home/work/${path}`,
      ),
    ];
    const answers = new Set(await Promise.all(paths.map((path) => refusal(path, project(path)))));
    expect(answers.size).toBe(1);
    expect([...answers][0]).toContain('workspace.outside-roots');
    // It is their own names that the answers have, and nothing of where a link led.
    expect([...answers][0]).not.toContain(base);
  });

  it('is the same to a link that passes through it and comes back', async () => {
    const work = join(base, 'home/work');
    await symlink('work', join(base, 'home/alias'));
    await mkdir(join(base, 'home/other/deep'));
    const links = {
      ...{ there: `${base}/home/other/../work/project`, none: `${base}/home/none/../work/project` },
      ...{ deep: '../other/deep/../../work/project', deepNone: '../other/none/../../work/project' },
      ...{ up: '../../home/./.ssh/../work/project', upNone: '../../home/./.none/../work/project' },
      ...{ process: `/proc/self/../..${work}/project`, noProcess: `/proc/0/../..${work}/project` },
      ...{ alias: '../alias/project', noAlias: '../no-alias/project', root: `/proc/self/root${work}/project` },
      ...{ two: 'there', twoNone: 'none', file: `${base}/home/.ssh/key/../../work/project` },
    };
    for (const [name, to] of Object.entries(links)) await symlink(to, join(work, name));
    const paths = [...Object.keys(links).map((name) => join(work, name)), join(base, 'home/alias/project')];
    const projects = await Promise.all(paths.map((path) => refusal(path, project(path))));
    const copies = await Promise.all(paths.map((path) => refusal(path, hostSource(path, context))));
    expect(new Set([...projects, ...copies]).size).toBe(1);
    expect(projects[0]).toContain('workspace.outside-roots');
  });

  it('keeps links from going in circles', async () => {
    await symlink('b', join(base, 'home/work/a'));
    await symlink('a', join(base, 'home/work/b'));
    const path = join(base, 'home/work/a');
    expect(await refusal(path, project(path))).toContain('ELOOP');
  });

  it('is so for copies, too, in both directions', async () => {
    const paths = ['home/.ssh/key', 'home/.ssh/none', 'home/none/none', 'home/other'].map((path) => join(base, path));
    const answers = paths.flatMap((path) => [
      refusal(path, hostSource(path, context)),
      refusal(path, hostTarget(path, 'x', context)),
    ]);
    expect(new Set(await Promise.all(answers)).size).toBe(1);
  });

  it('while below them it is told what is missing, and what is there is shown', async () => {
    expect((await project(join(base, 'home/work/project'))).source).toBe(join(base, 'home/work/project'));
    await symlink('project', join(base, 'home/work/inside'));
    expect((await project(join(base, 'home/work/inside'))).source).toBe(join(base, 'home/work/project'));
    for (const [name, to] of Object.entries({
      ...{ up: '../work/./project', around: `../../home/work/inside/`, whole: `${base}/home/work/project` },
      ...{ again: 'project/../up' },
    })) {
      await symlink(to, join(base, 'home/work', name));
      expect((await project(join(base, 'home/work', name))).source).toBe(join(base, 'home/work/project'));
    }
    await symlink('project/none', join(base, 'home/work/dangling'));
    for (const name of ['dangling', 'dangling/x'].map((path) => join(base, 'home/work', path))) {
      expect(await refusal(name, project(name))).toContain('workspace.missing');
    }
    const none = join(base, 'home/work/none/deeper');
    expect(await refusal(none, project(none))).toContain('workspace.missing');
    await expect(hostSource(none, context)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });

  it('does not make a root that the policy calls by a link another one', async () => {
    await symlink('home', join(base, 'aliased'));
    context = { ...context, allowedRoots: [join(base, 'aliased/work')] };
    for (const path of ['aliased/work/project', 'home/work/project'].map((name) => join(base, name))) {
      expect((await project(path)).source).toBe(join(base, 'home/work/project'));
    }
    const outside = ['aliased/other', 'aliased/none'].map((name) => join(base, name));
    expect(new Set(await Promise.all(outside.map((path) => refusal(path, project(path))))).size).toBe(1);
  });

  it('is named as it is to the operator, whose host it is', async () => {
    context = { ...context, hidesOutside: false };
    const [there, none] = [join(base, 'home/other'), join(base, 'home/none')];
    expect(await refusal(there, project(there))).toContain('workspace.outside-roots');
    expect(await refusal(none, project(none))).toContain('workspace.missing');
  });
});
