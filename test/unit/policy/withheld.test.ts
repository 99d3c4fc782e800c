import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { WithheldPlaces } from '../../../src/policy/withheld.js';
import { otherWithheldRules, type WithheldRule, withheldRules } from '../../../src/policy/withheld-places.js';

const places = new WithheldPlaces();
const ruleOf = (path: string, more: { from?: string; target?: string } = {}) =>
  places.verdictOn({ path, ...more })?.rule;

describe('what is withheld unless it is named', () => {
  it.each([
    ...[
      '.git',
      '.git/hooks/pre-commit',
      'vendor/lib/.git/config',
      '.gitmodules',
      'a/.gitattributes',
      '.gitconfig',
      'docs/HEAD',
    ],
    ...[
      '.vscode/tasks.json',
      'x/.vscode',
      'p.code-workspace',
      '.idea/workspace.xml',
      '.envrc',
      '.npmrc',
      '.yarnrc',
      '.yarnrc.yml',
    ],
    ...[
      '.pnpmfile.cjs',
      '.mcp.json',
      '.claude/settings.json',
      '.cursor/mcp.json',
      '.codex/config.toml',
      '.gemini/settings.json',
    ],
    ...[
      '.opencode/x',
      'AGENTS.md',
      'docs/CLAUDE.md',
      'GEMINI.md',
      '.cursorrules',
      '.windsurfrules',
      '.github/copilot-instructions.md',
    ],
    ...[
      '.bashrc',
      '.zshenv',
      '.profile',
      '.github/workflows/ci.yml',
      '.gitlab-ci.yml',
      '.circleci/config.yml',
      'Jenkinsfile',
    ],
    ...[
      'azure-pipelines.yml',
      'Makefile',
      'sub/GNUmakefile',
      'Justfile',
      'Taskfile.yml',
      'CMakeLists.txt',
      'tests/conftest.py',
    ],
    ...[
      'sitecustomize.py',
      'usercustomize.py',
      'lib/evil.pth',
      '.pre-commit-config.yaml',
      '.husky/pre-commit',
      '.devcontainer.json',
    ],
    ...[
      '.direnv/x',
      '.tool-versions',
      'mise.toml',
      'build.rs',
      'setup.py',
      'eslint.config.mjs',
      'node_modules/.bin/eslint',
    ],
    ...['a/__pycache__/b.cpython-312.pyc', '.venv/bin/python'],
  ])('takes %s for such a place', (path) => {
    expect(ruleOf(path)).toMatch(/^withheld\./);
  });

  it.each([
    'src/main.ts',
    'README.md',
    '.gitignore',
    'github/workflows/x',
    'git/hooks',
    'head/index.html',
    'docs/makefiles.md',
    'x.mk.txt',
  ])('has nothing against %s', (path) => {
    expect(ruleOf(path)).toBeUndefined();
  });

  it.each([
    '.GIT/config',
    '.Git/hooks/x',
    '.git./config',
    '.git /x',
    '.g\u{200d}it/config',
    '.git::$INDEX_ALLOCATION/x',
    'GIT~1/x',
    'MAKEFILE',
    'claude.MD',
    'lib/tasks/db:seed.rake',
    'mk/a\u{ff1a}b.mk',
    '.hg/hgrc',
    'App.csproj',
  ])('sees through %j', (path) => {
    expect(ruleOf(path)).toBeDefined();
  });

  it('looks at both names of what was moved', () => {
    expect(ruleOf('harmless', { from: '.git/config' })).toBe('withheld.git');
    expect(ruleOf('.git/config', { from: 'harmless' })).toBe('withheld.git');
  });

  it('looks at where a link is, at what it would bring below it, and at where it leads', () => {
    expect(ruleOf('.vscode', { target: 'harmless' })).toBe('withheld.editor');
    expect(ruleOf('.github', { target: 'harmless' })).toBeDefined();
    expect(ruleOf('.github')).toBeUndefined();
    expect(ruleOf('src/notes', { target: '../.git/config' })).toBe('withheld.git');
    expect(ruleOf('src/notes', { target: 'other' })).toBeUndefined();
  });

  it('takes what the site adds, in the same form, and loses nothing by it', () => {
    const more = new WithheldPlaces(['deploy', 'ops/*.sh']);
    expect(
      ['deploy/run', 'x/ops/go.sh', '.git/config', 'ops/go.txt'].map((path) => more.verdictOn({ path })?.rule),
    ).toEqual([...['withheld.site', 'withheld.site', 'withheld.git', undefined]]);
  });

  it('takes what the project points to by its very name, whatever that looks like', () => {
    const more = new WithheldPlaces(['x/*'], ['d*', 'docs/agents.md', 'Odd:name']);
    const ruleOfMore = (path: string, target?: string) => more.verdictOn({ path, target })?.rule;
    const held = ['d*', 'D*/x', 'a/d*', 'docs/agents.md', 'x/y', 'odd:name/x'];
    expect(held.map((path) => ruleOfMore(path))).toEqual(held.map(() => 'withheld.site'));
    expect(['data', 'd', 'docs', 'docs/other.md'].map((path) => ruleOfMore(path))).toEqual([...Array(4)]);
    expect(ruleOfMore('docs', 'elsewhere')).toBe('withheld.site');
  });

  it.each(['.', '...', '\u{200d}'])('takes everything for what folding leaves nothing of: %j', (path) => {
    const more = new WithheldPlaces([], [path]);
    expect(['src/a.ts', path, '.git'].map((one) => more.verdictOn({ path: one })?.rule)).toEqual([
      ...['withheld.site', 'withheld.site', 'withheld.site'],
    ]);
  });

  it('takes all below the 64th name of a place that lies deeper, at any depth of a path', () => {
    const deep = 'a/'.repeat(2000);
    const more = new WithheldPlaces([], [`${deep}b`]);
    const isHeld = (path: string) => more.verdictOn({ path }) !== undefined;
    expect([isHeld(`x/${'a/'.repeat(64)}c`), isHeld(`x/${'a/'.repeat(63)}c`)]).toEqual([true, false]);
  });

  it('comes to an end whatever names a project and a session have chosen', () => {
    // Each would take longer than anybody waits, if names were tried one way after the other.
    const stars = `${'*a'.repeat(100)}*b`;
    const more = new WithheldPlaces([stars], [stars]);
    expect(more.verdictOn({ path: 'a'.repeat(250) })).toBeUndefined();
    expect(more.verdictOn({ path: `${'a'.repeat(250)}b` })?.found).toEqual([stars]);
    expect(more.verdictOn({ path: 'link', target: `${'. '.repeat(1_000_000)}x` })).toBeUndefined();
    const many = new WithheldPlaces(
      [],
      [...Array(100_000).keys()].map((at) => `d/${at}`),
    );
    const verdicts = [...Array(100_000).keys()].map((at) => many.verdictOn({ path: `d/x${at}` }));
    expect(verdicts.filter((one) => one !== undefined)).toEqual([]);
  });

  it('is the same behind any number of other names, and as one of them', () => {
    const many = new WithheldPlaces();
    const rules = () =>
      ['.git/config', 'ops/p.code-workspace', 'one-2999', 'a/one-7/.envrc'].map(
        (path) => many.verdictOn({ path })?.rule,
      );
    const before = rules();
    for (let at = 0; at < 3000; at += 1) many.verdictOn({ path: `one-${at}/f` });
    expect(rules()).toEqual(before);
    expect(before.map((rule) => rule === undefined)).toEqual([false, false, true, false]);
  });

  it('is all written down', () => {
    const text = readFileSync(new URL('../../../docs/withheld.md', import.meta.url), 'utf8');
    for (const [id, { reason, places: names, ends = [] }] of Object.entries<WithheldRule>(withheldRules)) {
      const row = text.split('\n').find((line) => line.includes(`\`${id}\``)) ?? '';
      expect([id, ...[...names, ...ends].filter((name) => !row.includes(`\`${name}\``))]).toEqual([id]);
      expect(row).toContain(reason);
    }
    for (const id of Object.keys(otherWithheldRules)) expect(text).toContain(`\`${id}\``);
  });
});
