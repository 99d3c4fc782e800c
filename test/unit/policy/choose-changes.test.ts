import { describe, expect, it } from 'vitest';
import { type Choice, chooseChanges } from '../../../src/policy/choose-changes.js';
import { WithheldPlaces } from '../../../src/policy/withheld.js';

const { signal } = new AbortController();
const meant = async (all: readonly string[], given: readonly string[]) => {
  const choice = { paths: given, all: false, overwrite: [] };
  const chosen = await chooseChanges(
    all.map((path) => ({ path })),
    choice,
    new WithheldPlaces(),
    signal,
  );
  return chosen.changes.map(({ path }) => path);
};
const matchesGlob = async (path: string, pattern: string) => (await meant([path], [pattern])).length === 1;
const paths = ['.git', '.git/config', 'Makefile', 'README.md', 'src', 'src/a.ts', 'src/deep/b.ts', 'we*rd'];
const changes = [...paths.map((path) => ({ path })), { path: 'new', from: 'old' }];
const choose = async (choice: Partial<Choice>) => {
  const {
    changes: chosen,
    withheld,
    unknown,
  } = await chooseChanges(changes, { paths: [], all: false, overwrite: [], ...choice }, new WithheldPlaces(), signal);
  return { chosen: chosen.map(({ path }) => path), withheld: withheld.map(({ change }) => change.path), unknown };
};

describe('choosing among changes', () => {
  it('means everything when nothing is named, and withholds what the host would run', async () => {
    const everything = {
      chosen: ['README.md', 'src', 'src/a.ts', 'src/deep/b.ts', 'we*rd', 'new'],
      withheld: ['.git', '.git/config', 'Makefile'],
      unknown: [],
    };
    expect(await choose({})).toEqual(everything);
    expect(await choose({ all: true })).toEqual(everything);
    expect(await choose({ overwrite: ['README.md'] })).toEqual(everything);
  });

  it('lets through what is named by its own path, and only that', async () => {
    expect(await choose({ paths: ['Makefile'] })).toEqual({ chosen: ['Makefile'], withheld: [], unknown: [] });
    expect(await choose({ paths: ['./.git/'] })).toEqual({ chosen: ['.git'], withheld: ['.git/config'], unknown: [] });
    expect(await choose({ paths: ['Makefile'], all: true })).toMatchObject({ withheld: ['.git', '.git/config'] });
    expect(await choose({ paths: ['Makefil?', '**', '.git/*'] })).toMatchObject({
      withheld: ['.git', '.git/config', 'Makefile'],
    });
    expect(await choose({ paths: ['src'], overwrite: ['Makefile'] })).toMatchObject({ withheld: ['Makefile'] });
  });

  it('does not take the name that something was moved from for that which it has now', async () => {
    const moved = [{ path: 'Makefile', from: 'notes' }];
    const { changes: taken, withheld } = await chooseChanges(
      moved,
      { paths: ['notes'], all: false, overwrite: [] },
      new WithheldPlaces(),
      signal,
    );
    expect([taken, withheld.length]).toEqual([[], 1]);
  });

  it('takes folders, patterns, names that look like one, and both names of a move', async () => {
    expect((await choose({ paths: ['src'] })).chosen).toEqual(['src', 'src/a.ts', 'src/deep/b.ts']);
    expect((await choose({ paths: ['src/*.ts'] })).chosen).toEqual(['src/a.ts']);
    expect((await choose({ paths: ['**/*.ts'] })).chosen).toEqual(['src/a.ts', 'src/deep/b.ts']);
    expect((await choose({ paths: ['we*rd'] })).chosen).toEqual(['we*rd']);
    expect((await choose({ paths: ['old'] })).chosen).toEqual(['new']);
  });

  it('says what names nothing', async () => {
    expect((await choose({ paths: ['nowhere', 'src/a.ts', '*.py'], overwrite: ['no'] })).unknown).toEqual([
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
  ])('%s, by %s: %s', async (path, pattern, fits) => {
    expect(await matchesGlob(path, pattern)).toBe(fits);
  });

  it('is not led astray by a long name', async () => {
    expect(await matchesGlob('a'.repeat(20_000), `${'*a'.repeat(20)}b`)).toBe(false);
    expect(await matchesGlob('a/'.repeat(500), `${'**/a/'.repeat(20)}b`)).toBe(false);
  });

  it('takes a folder given in many ways, however many are given', async () => {
    const all = [...Array(1000).keys()].map((at) => `d${at}/sub/f`);
    expect(await meant(all, ['./d7/', 'd9/sub', 'd10'])).toEqual(['d7/sub/f', 'd9/sub/f', 'd10/sub/f']);
    expect(await meant(all, all)).toEqual(all);
    expect(await meant(['d1/f'], ['', './', `${'/'.repeat(2_000_000)}x`])).toEqual([]);
  });

  it('is one of a hundred at most, and may not take longer than one call may', async () => {
    const patterns = [...Array(101).keys()].map((at) => `${at}*`);
    await expect(meant(['1'], patterns)).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
      hint: expect.stringContaining('fewer'),
    });
    expect(await meant(['1'], patterns.slice(1))).toEqual(['1']);
    const long = [...Array(100_000).keys()].map((at) => `${'a'.repeat(245)}${at}`);
    const alternatives = `{${Array(30).fill('*a*a?ab').join(',')}}`;
    await expect(meant(long, [alternatives])).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });

  it('leaves off when nobody waits any more', async () => {
    const gone = AbortSignal.abort(new Error('gone'));
    const all = [...Array(10).keys()].map((at) => ({ path: `${at}` }));
    const choice = { paths: ['*'], all: false, overwrite: [] };
    await expect(chooseChanges(all, choice, new WithheldPlaces(), gone)).rejects.toThrow('gone');
  });
});
