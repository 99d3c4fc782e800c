import { describe, expect, it } from 'vitest';
import { parseGlob } from '../../../src/kit/glob.js';
import { type Choice, chooseChanges } from '../../../src/policy/choose-changes.js';
import { WithheldPlaces } from '../../../src/policy/withheld.js';

const matchesGlob = (path: string, pattern: string) => parseGlob(pattern, true)?.(path) === true;
const paths = ['.git', '.git/config', 'Makefile', 'README.md', 'src', 'src/a.ts', 'src/deep/b.ts', 'we*rd'];
const changes = [...paths.map((path) => ({ path })), { path: 'new', from: 'old' }];
const choose = (choice: Partial<Choice>) => {
  const {
    changes: chosen,
    withheld,
    unknown,
  } = chooseChanges(changes, { paths: [], all: false, overwrite: [], ...choice }, new WithheldPlaces());
  return { chosen: chosen.map(({ path }) => path), withheld: withheld.map(({ change }) => change.path), unknown };
};

describe('choosing among changes', () => {
  it('means everything when nothing is named, and withholds what the host would run', () => {
    const everything = {
      chosen: ['README.md', 'src', 'src/a.ts', 'src/deep/b.ts', 'we*rd', 'new'],
      withheld: ['.git', '.git/config', 'Makefile'],
      unknown: [],
    };
    expect(choose({})).toEqual(everything);
    expect(choose({ all: true })).toEqual(everything);
    expect(choose({ overwrite: ['README.md'] })).toEqual(everything);
  });

  it('lets through what is named by its own path, and only that', () => {
    expect(choose({ paths: ['Makefile'] })).toEqual({ chosen: ['Makefile'], withheld: [], unknown: [] });
    expect(choose({ paths: ['./.git/'] })).toEqual({ chosen: ['.git'], withheld: ['.git/config'], unknown: [] });
    expect(choose({ paths: ['Makefile'], all: true })).toMatchObject({ withheld: ['.git', '.git/config'] });
    expect(choose({ paths: ['Makefil?', '**', '.git/*'] })).toMatchObject({
      withheld: ['.git', '.git/config', 'Makefile'],
    });
    expect(choose({ paths: ['src'], overwrite: ['Makefile'] })).toMatchObject({ withheld: ['Makefile'] });
  });

  it('does not take the name that something was moved from for that which it has now', () => {
    const moved = [{ path: 'Makefile', from: 'notes' }];
    const { changes: taken, withheld } = chooseChanges(
      moved,
      { paths: ['notes'], all: false, overwrite: [] },
      new WithheldPlaces(),
    );
    expect([taken, withheld.length]).toEqual([[], 1]);
  });

  it('takes folders, patterns, names that look like one, and both names of a move', () => {
    expect(choose({ paths: ['src'] }).chosen).toEqual(['src', 'src/a.ts', 'src/deep/b.ts']);
    expect(choose({ paths: ['src/*.ts'] }).chosen).toEqual(['src/a.ts']);
    expect(choose({ paths: ['**/*.ts'] }).chosen).toEqual(['src/a.ts', 'src/deep/b.ts']);
    expect(choose({ paths: ['we*rd'] }).chosen).toEqual(['we*rd']);
    expect(choose({ paths: ['old'] }).chosen).toEqual(['new']);
  });

  it('says what names nothing', () => {
    expect(choose({ paths: ['nowhere', 'src/a.ts', '*.py'], overwrite: ['no'] }).unknown).toEqual([
      'nowhere',
      '*.py',
      'no',
    ]);
  });
});

describe('a pattern of paths', () => {
  it.each([
    ['a/b/c', '**', true],
    ['a/b/c', 'a/**/c', true],
    ['a/c', 'a/**/c', true],
    ['a/b', 'a/*', true],
    ['a/b/c', 'a/*', false],
    ['abc', 'a?c', true],
    ['abbbc', 'a*b*c', true],
    ['a', 'a/**', true],
    ['a.ts', '*.[jt]s', true],
    ['ab', 'a', false],
  ])('%s, by %s: %s', (path, pattern, fits) => {
    expect(matchesGlob(path, pattern)).toBe(fits);
  });

  it('is not led astray by a long name', () => {
    expect(matchesGlob('a'.repeat(20_000), `${'*a'.repeat(20)}b`)).toBe(false);
    expect(matchesGlob('a/'.repeat(500), `${'**/a/'.repeat(20)}b`)).toBe(false);
  });
});
