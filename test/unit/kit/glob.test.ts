import { describe, expect, it } from 'vitest';
import { parseGlob } from '../../../src/kit/glob.js';
import { PathNames } from '../../../src/kit/glob-parts.js';
import { matchPaths } from '../../../src/kit/match-paths.js';
import { MatchWork } from '../../../src/kit/match-work.js';

const { signal } = new AbortController();
const matches = (pattern: string, path: string, dot = true, work = new MatchWork(signal)) =>
  parseGlob(pattern, dot)?.some((isMeant) => isMeant(new PathNames(path), work));

describe('a glob pattern', () => {
  it.each([
    ['*.ts', 'a.ts', true],
    ['*.ts', 'src/a.ts', false],
    ['**/*.ts', 'a.ts', true],
    ['**/*.ts', 'src/deep/a.ts', true],
    ['src/**', 'src/a/b', true],
    ['src/**/b', 'src/b', true],
    ['src/**/x/**/b', 'src/q/x/x/y/b', true],
    ['src/**/x/**/b', 'src/q/y/b', false],
    ['a?c', 'abc', true],
    ['a?c', 'a/c', false],
    ['?', '😀', true],
    ['[a-c]x', 'bx', true],
    ['[!a-c]x', 'bx', false],
    ['[]x]', ']', true],
    ['{one,t{w,e}o}.js', 'two.js', true],
    ['{one,t{w,e}o}.js', 'one.js', true],
    ['{one,t{w,e}o}.js', 'tao.js', false],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['(a|b)+', '(a|b)+', true],
    ['a*b*c', 'aXbYbZc', true],
    ['a*b*c', 'aXbYbZ', false],
    ['a\\*b*', 'a*bc', true],
    ['a\\*b*', 'aXbc', false],
    ['**/src/?', 'a/src/src/b', true],
    ['src/*/b', 'src/a', false],
    ['', 'a', undefined],
  ])('%s against %s: %s', (pattern, path, expected) => {
    expect(matches(pattern, path)).toBe(expected);
  });

  it('leaves out names that begin with a dot where that is asked for, unless the pattern names them', () => {
    expect(matches('*', '.git', false)).toBe(false);
    expect(matches('**/x', '.git/x', false)).toBe(false);
    expect(matches('.*', '.git', false)).toBe(true);
    expect(matches('**/x', '.git/x', true)).toBe(true);
  });

  it.each(['', '[a', '{a', 'a\\', 'x'.repeat(300), '{a,b}'.repeat(6)])('refuses %j', (pattern) => {
    expect(parseGlob(pattern, true)).toBeUndefined();
  });

  it('takes steps in proportion to pattern and name, however the name was made', () => {
    // A regular expression made of it takes longer than anybody waits.
    expect(matches(`${'*a'.repeat(40)}b`, 'a'.repeat(255))).toBe(false);
    expect(matches(`${'**/a/'.repeat(30)}b`, 'a/'.repeat(2000))).toBe(false);
  });

  it('counts its steps, and is refused where they are more than one call may take', () => {
    const long = 'a'.repeat(250);
    for (const pattern of ['*a*a?b', '**/*[ab]c', '{*a?b,*a?c}', `**/*${'?'.repeat(100)}b`]) {
      expect(() => matches(pattern, long, true, new MatchWork(signal, 200))).toThrow('too long');
      expect(matches(pattern, long, true, new MatchWork(signal, 1_000_000))).toBe(false);
    }
    // A class costs as much as what is in it.
    expect(matches('[ab]', 'c', true, new MatchWork(signal, 20))).toBe(false);
    expect(() => matches(`[${'a'.repeat(100)}]`, 'c', true, new MatchWork(signal, 20))).toThrow('too long');
  });
});

describe('many paths held against many patterns', () => {
  const globs = ['{*a*a?ab,*a*a?ac}', '*a'].map((pattern) => parseGlob(pattern, true) ?? []);

  it('tells which of them match', async () => {
    const told: (readonly number[])[] = [];
    const files = ['xa', 'aaxab', 'b'].map((path, at) => ({ path, at }));
    await matchPaths(files, globs, new MatchWork(signal), ({ at }, glob) => told.push([at, glob]));
    expect(told).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });

  it('lets others go on, and ends when nobody waits any more', async () => {
    const over = new AbortController();
    setImmediate(() => over.abort(new Error('gone')));
    const long = function* () {
      for (;;) yield { path: 'a'.repeat(200) };
    };
    const endless = matchPaths(long(), globs, new MatchWork(over.signal, Number.MAX_SAFE_INTEGER), () => undefined);
    await expect(endless).rejects.toThrow('gone');
  });

  it('is refused when all together take too long', async () => {
    const long = [...Array(1000).keys()].map((at) => ({ path: `${'a'.repeat(240)}${at}` }));
    const all = matchPaths(long, globs, new MatchWork(signal, 100_000), () => undefined);
    await expect(all).rejects.toMatchObject({ code: 'BAD_ARGUMENT', hint: expect.stringContaining('fewer') });
  });
});
