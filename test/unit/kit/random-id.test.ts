import { describe, expect, it } from 'vitest';
import { sessionIdPattern } from '../../../src/core/ids.js';
import { newCommandId, newSessionId, newSnapshotId, newTransferId } from '../../../src/kit/random-id.js';

const many = 2000;

describe('an id', () => {
  it.each([
    ['session', newSessionId, 130],
    ['command', newCommandId, 80],
    ['snapshot', newSnapshotId, 80],
    ['copy', newTransferId, 80],
  ])('of a %s can not be guessed: every place of it takes all 32 letters, and none comes twice', (_, make, bits) => {
    const ids = Array.from({ length: many }, () => make().replace(/^[a-z]+_/, ''));
    expect(new Set(ids).size).toBe(many);
    // With so many ids a letter is missing at some place once in 10^24 runs.
    const lettersAt = (place: number) => new Set(ids.map((id) => id[place])).size;
    const places = Array.from({ length: bits / 5 }, (_unused, place) => lettersAt(place));
    expect(places).toEqual(places.map(() => 32));
    expect(ids.every((id) => id.length === bits / 5)).toBe(true);
  });

  it('of a session is what a caller may ask for', () => {
    expect(newSessionId()).toMatch(sessionIdPattern);
  });
});
