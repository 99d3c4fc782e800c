import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GitIndex } from '../../../../src/workspace/changes/git-index.js';
import { gitViewOf } from '../../../../src/workspace/changes/git-view.js';
import { pointedPlaces } from '../../../../src/workspace/changes/pointed-places.js';
import { ProjectGit } from '../../../../src/workspace/changes/project-git.js';

const { signal } = new AbortController();

describe('the index of a project', () => {
  let project: string;
  const env = { PATH: process.env['PATH'], HOME: '/' };
  const git = (...args: readonly string[]) => execFileSync('git', ['-C', project, ...args], { env, stdio: 'pipe' });
  const asked = () => new ProjectGit(project, env, signal);

  function put(...paths: readonly string[]): void {
    for (const path of paths) {
      mkdirSync(dirname(join(project, path)), { recursive: true });
      writeFileSync(join(project, path), path);
    }
  }

  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'paddock-index-'));
    git('init', '-q');
  });
  afterEach(() => rmSync(project, { recursive: true }));

  it('has every file and every folder of it, and nothing that only begins or ends like one', async () => {
    put('a', 'a-b/c', 'a.b', 'b/c/d', 'b/c.d', 'b-c/d', 'é/ü', 'line\nbreak', 'tab\tbed', 'z');
    git('add', '.');
    const index = await asked().index();
    const there = ['a', 'a-b', 'a-b/c', 'a.b', 'b', 'b/c', 'b/c/d', 'b/c.d', 'b-c', 'é', 'é/ü', 'line\nbreak'];
    expect([...there, 'tab\tbed', 'z'].filter((path) => !index.has(path))).toEqual([]);
    const others = [
      '',
      'a-',
      'a/',
      'a/b',
      'a-b/',
      'aa',
      'A',
      'b/c/',
      'b/c/d/e',
      'bed',
      'c',
      'line',
      'zz',
      '~',
      '\u{1}',
    ];
    expect(others.filter((path) => index.has(path))).toEqual([]);
  });

  it('has links and other repositories by name, and nothing where it is empty', async () => {
    expect((await asked().index()).has('a')).toBe(false);
    put('a');
    symlinkSync('a', join(project, 'link'));
    git('add', '.');
    git('update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},deep/module`);
    const { links, modules, hasSkippedIgnores } = await asked().index();
    expect([links, [...modules], hasSkippedIgnores]).toEqual([['link'], ['deep/module'], false]);
  });

  it('is nothing else that a program prints', () => {
    for (const text of ['H 100644 0 0\ta', 'H 100644 0 0 a\0', 'H 100644 0 0\0\ta\0']) {
      expect(() => new GitIndex(Buffer.from(text)), text).toThrow('no index');
    }
  });

  it('says what is ignored also where its .gitignore is not checked out', async () => {
    put('kept/file', 'sparse/.gitignore');
    writeFileSync(join(project, 'sparse/.gitignore'), '*.log\n');
    git('add', '.');
    git('-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '-qm', 'all');
    git('sparse-checkout', 'set', '--no-cone', '/kept/');
    const added = ['sparse/new', 'sparse/x.log'].map((path) => ({ path, kind: 'added' }) as const);
    const view = await gitViewOf(added, asked(), signal);
    expect('states' in view ? [...view.states.values()] : view).toEqual(['untracked', 'ignored']);
  });

  it('is asked for once by all that goes by it, as is everything else of git', async () => {
    put('a', '.gitignore');
    git('add', '.');
    const bin = mkdtempSync(join(tmpdir(), 'paddock-bin-'));
    const calls = join(bin, 'calls');
    const real = execFileSync('/bin/sh', ['-c', 'command -v git'], { env, encoding: 'utf8' }).trim();
    const counting = `#!/bin/sh\nprintf '%s\\n' "$*" >>"${calls}"\nexec "${real}" "$@"\n`;
    writeFileSync(join(bin, 'git'), counting, { mode: 0o755 });
    const own = new ProjectGit(project, { ...env, PATH: bin }, signal);
    const places = pointedPlaces({ source: project, dev: '', ino: '' }, { isWithheld: () => true, git: own, signal });
    const view = await gitViewOf([{ path: 'new', kind: 'added' }], own, signal);
    expect([await places, view]).toEqual([[], { states: new Map([['new', 'untracked']]) }]);
    const words = execFileSync('/bin/sh', ['-c', `sed 's/-c [^ ]* //g' "${calls}" | cut -d' ' -f1 | sort`]);
    expect(words.toString().trim().split('\n')).toEqual(['check-ignore', 'config', 'ls-files', 'rev-parse']);
    rmSync(bin, { recursive: true });
  });

  it('is asked of no git that the project itself has first in the PATH', async () => {
    const bin = join(project, '.venv/bin');
    put('a', '.venv/bin/git');
    git('add', '-f', '.');
    writeFileSync(join(bin, 'git'), '#!/bin/sh\ntouch "$0.ran"\n', { mode: 0o755 });
    chmodSync(join(bin, 'git'), 0o755);
    const own = new ProjectGit(project, { ...env, PATH: `${bin}:${env.PATH ?? ''}` }, signal);
    expect(await own.top()).toBe(realpathSync(project));
    expect(existsSync(join(bin, 'git.ran'))).toBe(false);
  });
});
