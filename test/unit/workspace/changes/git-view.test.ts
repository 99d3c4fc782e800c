import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Turns } from '../../../../src/kit/turns.js';
import type { Change, Entry } from '../../../../src/workspace/changes/change.js';
import { gitOwnChanges, gitViewOf } from '../../../../src/workspace/changes/git-view.js';
import { ProjectGit } from '../../../../src/workspace/changes/project-git.js';

const entry = (type: Entry['type']): Entry => ({ type, mode: 0o644, sizeBytes: 1, stamp: '' });
const added = (path: string, type: Entry['type'] = 'file'): Change => ({ path, kind: 'added', after: entry(type) });

describe('what git has to do with changes', () => {
  let top: string;
  const env = () => ({
    PATH: process.env['PATH'],
    HOME: join(top, 'home'),
    GIT_DIR: '/nowhere',
    GIT_WORK_TREE: '/nowhere',
  });
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
      cwd: join(top, 'project'),
      env: { PATH: process.env['PATH'], HOME: join(top, 'home') },
      stdio: 'pipe',
    });
  const view = (changes: readonly Change[], changedEnv = env(), { signal } = new AbortController()) =>
    gitViewOf(changes, new ProjectGit(join(top, 'project'), changedEnv, signal), signal);
  const statesOf = async (changes: readonly Change[]) => {
    const found = await view(changes);
    return 'states' in found ? Object.fromEntries(found.states) : found.because;
  };

  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), 'paddock-git-'));
    for (const name of ['home', 'project', 'project/src', 'project/dist']) mkdirSync(join(top, name));
    for (const name of ['src/one', 'kept', 'dist/built', ':odd']) writeFileSync(join(top, 'project', name), name);
    writeFileSync(join(top, 'project/.gitignore'), 'dist/\n*.log\n');
    symlinkSync('src', join(top, 'project/link'));
    git('init', '-q');
    git('add', '.');
    git('commit', '-qm', 'all');
  });
  afterEach(() => rmSync(top, { recursive: true }));

  it('is whether it tracks or ignores them, by the rules of the project on the host', async () => {
    const deleted: Change = { path: 'src', kind: 'deleted', before: entry('folder') };
    const changes = [added('kept'), added('new'), added('x.log'), added('dist', 'folder'), added('dist/new'), deleted];
    expect(await statesOf([...changes, added('.gitignore'), added(':odd'), added(':new')])).toEqual({
      ...{
        kept: 'tracked',
        new: 'untracked',
        'x.log': 'ignored',
        dist: 'ignored',
        'dist/new': 'ignored',
        src: 'tracked',
      },
      ...{ '.gitignore': 'tracked', ':odd': 'tracked', ':new': 'untracked' },
    });
    expect(await statesOf([])).toEqual({});
  });

  it('is left open for what git can not be asked: its own, odd names, what is beyond a link or in another repository', async () => {
    git('update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},module`);
    const replaced: Change = { path: 'link', kind: 'modified', before: entry('link'), after: entry('folder') };
    const odd: Change = { ...added('a\\u{a}b'), refused: 'name' };
    const changes = [replaced, added('link/below'), added('module/inside'), added('.git/config'), odd, added('new')];
    expect(await statesOf(changes)).toEqual({ link: 'tracked', new: 'untracked' });
  });

  it('is asked without running anything that the project names', async () => {
    const program = join(top, 'ran.sh');
    writeFileSync(program, `#!/bin/sh\ntouch ${top}/ran\n`);
    chmodSync(program, 0o755);
    for (const key of ['core.fsmonitor', 'core.pager', 'core.sshCommand', 'filter.x.clean'])
      git('config', key, program);
    mkdirSync(join(top, 'project/.git/hooks'), { recursive: true });
    for (const hook of ['post-index-change', 'post-checkout', 'fsmonitor-watchman']) {
      symlinkSync(program, join(top, 'project/.git/hooks', hook));
    }
    expect(await statesOf([added('kept'), added('new')])).toEqual({ kept: 'tracked', new: 'untracked' });
    expect(existsSync(join(top, 'ran'))).toBe(false);
  });

  it('is unknown, and said to be, without git or without a repository that it can read', async () => {
    expect(await view([added('kept')], { ...env(), PATH: join(top, 'home') })).toEqual({ because: 'no-git' });
    writeFileSync(join(top, 'project/.git/index'), 'broken');
    expect(await view([added('kept')])).toHaveProperty('because');
    rmSync(join(top, 'project/.git'), { recursive: true });
    expect(await view([added('kept')])).toEqual({ because: 'no-repository' });
    await expect(view([], env(), { signal: AbortSignal.abort() } as AbortController)).rejects.toMatchObject({
      name: 'AbortError',
    });
  });
});

describe('changes of what is git’s own', () => {
  it('are counted for each repository, and what git runs or goes by is named', async () => {
    const deleted: Change = { path: '.git/refs/heads/old', kind: 'deleted', before: entry('file') };
    const objects = Array.from({ length: 30 }, (_, i) => added(`.git/objects/${i}`));
    const refs = Array.from({ length: 30 }, (_, i) => added(`.git/refs/tags/${i}`));
    const changes = [
      added('src'),
      ...objects,
      deleted,
      added('.git/refs', 'folder'),
      ...refs,
      added('.git/hooks/pre-commit'),
    ];
    const [own, other, ...more] = await gitOwnChanges(
      [...changes, added('.git/modules/m/config'), added('lib/.GIT/HEAD'), added('.github/x')],
      new Turns(),
    );
    expect(own).toMatchObject({ path: '.git', count: 64, notableCount: 33 });
    expect(own?.notable.length).toBe(20);
    expect(own?.notable.slice(0, 3)).toEqual([
      { path: '.git/hooks/pre-commit', kind: 'added' },
      { path: '.git/modules/m/config', kind: 'added' },
      { path: '.git/refs/heads/old', kind: 'deleted' },
    ]);
    expect(other).toMatchObject({ path: 'lib/.GIT', count: 1, notable: [{ path: 'lib/.GIT/HEAD' }] });
    expect(more).toEqual([]);
  });
});
