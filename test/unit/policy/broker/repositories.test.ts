import { expect, it } from 'vitest';
import { isRepositoryWithin } from '../../../../src/policy/broker/repositories.js';

it.each([
  ['a/b', ['a/b']],
  ['a/b.git', ['a/b']],
  ['a/b', ['x/y', 'a/*']],
  ['a/*', ['a/*']],
  ['a/*', ['*/*']],
  ['a/b/c', ['a/**']],
  ['a/b/**', ['a/**']],
  ['a/**', ['a/**']],
  ['a/*', ['a/**']],
  ['**', ['**']],
  ['a', ['**']],
])('%s is within %s', (text, allowed) => {
  expect(isRepositoryWithin(text, allowed)).toBe(true);
});

it.each([
  ['a/b', []],
  ['a/b', ['a/c']],
  ['a/*', ['a/b']],
  ['*/b', ['a/*']],
  ['a', ['a/**']],
  ['a/b/c', ['a/*']],
  ['a/**', ['a/*', 'a/*/*']],
  ['**', ['a/**', '*/*']],
  ['*/**', ['a/**']],
  ['a//b', ['**']],
  ['../a', ['**']],
])('%s is not within %s', (text, allowed) => {
  expect(isRepositoryWithin(text, allowed)).toBe(false);
});
