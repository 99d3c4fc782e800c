import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WithheldPlaces } from '../../../../src/policy/withheld.js';
import { withheldHere } from '../../../../src/session/changes/withheld-here.js';
import { pointedPlaces } from '../../../../src/workspace/changes/pointed-places.js';
import { ProjectGit } from '../../../../src/workspace/changes/project-git.js';

describe('what a project itself points to', () => {
  let source: string;
  const { signal } = new AbortController();
  const { PATH } = process.env;
  const places = new WithheldPlaces();
  const isWithheld = (path: string) => places.verdictOn({ path, target: '.' }) !== undefined;
  const projectAt = (path: string) => {
    const { dev, ino } = lstatSync(path, { bigint: true });
    return { source: path, dev: String(dev), ino: String(ino) };
  };
  const pointed = async (path = source, env: Readonly<Record<string, string | undefined>> = { PATH, HOME: '/' }) =>
    [...(await pointedPlaces(projectAt(path), { isWithheld, git: new ProjectGit(path, env, signal), signal }))].sort();
  const git = (...args: string[]) => execFileSync('git', ['-C', source, ...args], { env: { PATH, HOME: '/' } });

  function links(all: Readonly<Record<string, string>>): void {
    for (const [path, target] of Object.entries(all)) {
      mkdirSync(dirname(join(source, path)), { recursive: true });
      symlinkSync(target, join(source, path));
    }
  }

  beforeEach(() => {
    source = realpathSync(mkdtempSync(join(tmpdir(), 'paddock-pointed-')));
    mkdirSync(join(source, 'docs'));
    writeFileSync(join(source, 'docs/agents.md'), '');
  });
  afterEach(() => rmSync(source, { recursive: true }));

  it('is where links at withheld places lead, also those in folders, and no other link', async () => {
    links({
      'CLAUDE.md': 'docs/agents.md',
      '.claude/skills': '../skills',
      '.github/workflows': '../ci/flows',
      'src/notes.md': '../docs/agents.md',
      '.envrc': '/etc/passwd',
      'AGENTS.md': '../outside',
    });
    expect(await pointed()).toEqual(['ci/flows', 'docs/agents.md', 'skills']);
  });

  it('is every link on the way, and what a folder that is pointed to has links to', async () => {
    links({
      'CLAUDE.md': 'current/agents.md',
      current: './newest',
      newest: 'docs',
      '.vscode': join(realpathSync(source), 'tools/editor'),
      'tools/editor/tasks.json': '../../build/tasks.json',
      'loop/a': 'b',
      'loop/b': 'a',
      Makefile: 'loop/a',
    });
    expect(await pointed()).toEqual([
      ...['build/tasks.json', 'current', 'docs/agents.md', 'loop/a', 'loop/b', 'newest'],
      'tools/editor',
    ]);
  });

  it('is where links lead that git tracks, however deep they are', async () => {
    links({ 'packages/one/inner/AGENTS.md': '../../../docs/agents.md' });
    git('init', '-q');
    expect(await pointed()).toEqual([]);
    git('add', '.');
    expect(await pointed()).toEqual(['docs/agents.md']);
  });

  it('is where git looks for hooks, if that is inside', async () => {
    git('init', '-q');
    git('config', 'core.hooksPath', './scripts/hooks/');
    expect(await pointed()).toEqual(['scripts/hooks']);
    mkdirSync(join(source, 'scripts/hooks'), { recursive: true });
    expect(await pointed(join(source, 'scripts'))).toEqual(['hooks']);
    git('config', 'core.hooksPath', '/somewhere/else');
    expect(await pointed()).toEqual([]);
    git('config', 'core.hooksPath', '.');
    expect(await pointed()).toEqual(['.']);
  });

  it('is withheld with everything below it', async () => {
    git('init', '-q');
    git('config', 'core.hooksPath', join(source, 'tools'));
    links({ 'CLAUDE.md': 'docs/agents.md' });
    const asked = new ProjectGit(source, { PATH }, signal);
    const here = await withheldHere(projectAt(source), { withhold: ['deploy'] }, asked, signal);
    const ruleOf = (path: string, target?: string) => here.verdictOn({ path, target })?.rule;
    expect(
      ['tools/pre-commit', 'deploy/x', 'docs/agents.md', 'docs/other.md', 'src/x'].map((one) => ruleOf(one)),
    ).toEqual(['withheld.site', 'withheld.site', 'withheld.site', undefined, undefined]);
    expect([ruleOf('docs', 'other'), ruleOf('CLAUDE.md')]).toEqual(['withheld.site', 'withheld.agents']);
  });

  it('is a name, and no pattern, where a link leads that has stars in it', async () => {
    links({ '.vscode': `${'*a'.repeat(60)}*b`, '.envrc': 'set*' });
    const here = await withheldHere(
      projectAt(source),
      { withhold: [] },
      new ProjectGit(source, { PATH }, signal),
      signal,
    );
    const ruleOf = (path: string) => here.verdictOn({ path })?.rule;
    expect(['set*', 'settings', 'a'.repeat(250)].map(ruleOf)).toEqual(['withheld.site', undefined, undefined]);
  });

  it('is everything where git looks for hooks in the project itself', async () => {
    git('init', '-q');
    git('config', 'core.hooksPath', '.');
    const here = await withheldHere(
      projectAt(source),
      { withhold: [] },
      new ProjectGit(source, { PATH }, signal),
      signal,
    );
    expect(here.verdictOn({ path: 'src/x' })?.rule).toBe('withheld.site');
  });

  it('is nothing where there is no git, no link, or no project', async () => {
    expect(await pointed(source, { PATH: '/nowhere' })).toEqual([]);
    const gone = { source: join(source, 'gone'), dev: '1', ino: '1' };
    const nowhere = new ProjectGit(gone.source, { PATH }, signal);
    expect(await pointedPlaces(gone, { isWithheld, git: nowhere, signal })).toEqual([]);
  });
});
