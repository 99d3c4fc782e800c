import { describe, expect, it } from 'vitest';
import { parseGlob } from '../../../src/kit/glob.js';

const matches = (pattern: string, path: string, dot = true) => parseGlob(pattern, dot)?.(path);

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
});
