import fc from 'fast-check';
import { describe, it } from 'vitest';
import { starPattern } from '../../src/kit/star-pattern.js';

/** By its meaning, one way after the other. */
function fits(pattern: string, name: string): boolean {
  if (pattern === '') return name === '';
  if (pattern[0] === '*') return fits(pattern.slice(1), name) || (name !== '' && fits(pattern, name.slice(1)));
  return pattern[0] === name[0] && fits(pattern.slice(1), name.slice(1));
}

const text = (letters: readonly string[]) =>
  fc.array(fc.constantFrom(...letters), { maxLength: 8 }).map((all) => all.join(''));

describe('a name with stars', () => {
  it('matches what its stars can be filled to', () => {
    const both = fc.tuple(text(['a', 'b', '*', '*']), text(['a', 'a', 'b']));
    fc.assert(
      fc.property(both, ([pattern, name]) => starPattern(pattern)(name) === fits(pattern, name)),
      { numRuns: 2000 },
    );
  });
});
