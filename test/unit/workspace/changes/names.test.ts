import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leadsOut, pathBelow, topPath } from '../../../../src/workspace/changes/names.js';

describe('a path in a list of changes', () => {
  it.each([
    ['a b', 'a b', true],
    ['grüße.ts', 'grüße.ts', true],
    ['family 👨‍👩‍👧 ❤️', 'family 👨‍👩‍👧 ❤️', true],
    ['back\\slash', 'back\\slash', true],
    ['tab\there', 'tab\\u{9}here', false],
    ['line\nbreak', 'line\\u{a}break', false],
    ['esc\u001b[2J', 'esc\\u{1b}[2J', false],
    ['tag\u{e0041}', 'tag\\u{e0041}', false],
    ['para\u2029graph', 'para\\u{2029}graph', false],
  ])('shows %j as it is, or escaped and never to be applied', (name, path, isPlain) => {
    expect(pathBelow(topPath, Buffer.from(name))).toEqual({ path, isPlain });
    expect(pathBelow(pathBelow(topPath, Buffer.from(name)), Buffer.from('x'))).toEqual({ path: `${path}/x`, isPlain });
  });

  it('is plain only where its bytes are those of the text that is shown', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
        const { path, isPlain } = pathBelow(topPath, Buffer.from(bytes));
        expect(isPlain && !Buffer.from(path).equals(bytes)).toBe(false);
        expect(path).not.toMatch(/[\p{Cc}]/u);
      }),
    );
  });
});

describe('a link', () => {
  it.each([
    ['/etc/passwd', 0, true],
    ['//', 3, true],
    ['..', 0, true],
    ['..', 1, false],
    ['../../x', 1, true],
    ['./.././x', 1, false],
    ['a/b', 0, false],
    // `a` may be a link itself, and lead anywhere.
    ['a/..', 5, true],
    ['../a/../../x', 5, true],
    ['...', 0, false],
    ['', 0, false],
  ])('to %j, %i folders down, leads out of the project: %j', (target, depth, isOut) => {
    expect(leadsOut(target, depth)).toBe(isOut);
  });
});
