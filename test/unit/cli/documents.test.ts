import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { commandLoaders } from '../../../src/cli/commands/index.js';
import { commonOptions } from '../../../src/cli/common-options.js';
import { settingOptions } from '../../../src/cli/settings.js';

const root = join(import.meta.dirname, '..', '..', '..');
const names = [
  ...['README.md', 'SECURITY.md', 'CONTRIBUTING.md'],
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const pages = names.map((name) => ({ name, text: readFileSync(join(root, name), 'utf8') }));
const codeOf = (text: string) => [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' });

/** A file or folder, a name without its ending, or with a star for all that begin so. */
function isThere(path: string): boolean {
  if (path.endsWith('*')) return files.some((file) => join('test', file).startsWith(path.slice(0, -1)));
  return existsSync(join(root, path)) || existsSync(join(root, `${path}.test.ts`));
}

describe('the tests that documents name', () => {
  it.each(pages)('in $name are there', ({ text }) => {
    let folder = '';
    for (const code of codeOf(text)) {
      const [, short] = /^…\/?([\w./-]+?)…?$/.exec(code) ?? [];
      if (short !== undefined && folder !== '') {
        const path = join(folder, short);
        expect(isThere(path) || files.some((file) => join('test', file).startsWith(path)), code).toBe(true);
      } else if (/^test\/[\w./*-]+$/.test(code)) {
        expect(isThere(code), code).toBe(true);
        folder = isFolder(code) ? code : dirname(code);
      }
    }
  });

  it('in the tables of docs/verified.md are there', () => {
    const lines = pages.find(({ name }) => name === 'docs/verified.md')?.text.split('\n') ?? [];
    const kinds = readdirSync(join(root, 'test')).filter((name) => isFolder(`test/${name}`));
    let seen = 0;
    for (const row of lines.filter((line) => line.startsWith('| '))) {
      const cell = row.split('|').at(-2) ?? '';
      for (const code of codeOf(cell)) {
        const kind = code.split('/')[0] ?? '';
        if (!kinds.includes(kind) || !code.includes('/')) continue;
        seen += 1;
        expect(
          isThere(`test/${code}`) || files.some((file) => basename(file) === `${basename(code)}.test.ts`),
          code,
        ).toBe(true);
      }
    }
    expect(seen).toBeGreaterThan(40);
  });
});

function isFolder(path: string): boolean {
  return statSync(join(root, path), { throwIfNoEntry: false })?.isDirectory() === true;
}

/** `paddock …` in a line that can be typed, up to where a shell would end it. */
function commandsIn(text: string): readonly string[] {
  const blocks = [...text.matchAll(/```(?:console|sh|bash)\n([\s\S]*?)```/g)].flatMap(([, block = '']) =>
    block.replace(/\\\n\s*/g, ' ').split('\n'),
  );
  const typed = [...blocks.map((line) => line.replace(/^\$ /, '')), ...codeOf(text)];
  return typed.flatMap((line) => {
    const bare = line.replace(/'[^']*'|"[^"]*"/g, 'X').replace(/\s#.*$/, '');
    return bare
      .split(/[;|&>]|\$\(/)
      .map((one) => one.trim())
      .filter((one) => /^paddock [a-z]/.test(one) && !one.startsWith('paddock help'));
  });
}

describe('the commands that documents name', () => {
  // All of the command line, compiled for the first time, takes its time beside others.
  beforeAll(async () => {
    for (const load of Object.values(commandLoaders)) await load();
  }, 120_000);

  it('are found', () => {
    const found = pages.flatMap(({ text }) => commandsIn(text));
    expect(found).toContain('paddock audit verify --against journal');
    expect(found).toContain('paddock keys create ci --root ~/work/app --memory 2g --expires 30d');
    expect(found.length).toBeGreaterThan(200);
  });

  it.each(pages)('in $name are there, with their options', async ({ text }) => {
    for (const line of commandsIn(text)) {
      // What may be left out, an alternative, or a placeholder.
      const words = line
        .replace(/[[\]()…]/g, ' ')
        .split(/\s+/)
        .slice(1);
      const [name = '', ...args] = words;
      const load = commandLoaders[name];
      expect(load, line).toBeDefined();
      const command = await load?.();
      const dashes = args.indexOf('--');
      const own = (dashes < 0 ? args : args.slice(0, dashes)).filter((word) => word.startsWith('-'));
      const options = { ...command?.options, ...settingOptions, ...commonOptions };
      const known = new Set(
        Object.entries(options).flatMap(([long, one]) => [`--${long}`, 'short' in one ? `-${one.short}` : '']),
      );
      for (const word of own) {
        if (word === '-' || word === '--') continue;
        expect(known.has(word.replace(/[=,.:].*$/, '')), `${line}: ${word}`).toBe(true);
      }
    }
  });
});
