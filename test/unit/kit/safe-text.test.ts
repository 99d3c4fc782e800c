import { describe, expect, it } from 'vitest';
import { safeLine } from '../../../src/kit/safe-text.js';

describe('foreign text on one line', () => {
  it('has its lines side by side, without blanks at their ends and without empty ones', () => {
    expect(safeLine('\n  one \n\n\t two\n')).toBe('one | two');
    expect(safeLine('a\u202eb\u0007')).toBe('a\\u{202e}b\\u{7}');
  });

  it('is cut, with the cut to be seen', () => {
    expect(safeLine(`x${'y'.repeat(100)}`, 10)).toBe('xyyyyyyyyy…');
    expect(safeLine(`x\n${'y'.repeat(100)}`, 10)).toBe('x | yyyyyy…');
  });

  it.each([' ', '\n', ' \n', '\t'])('takes no longer for megabytes of %j than for what is shown', (blank) => {
    const text = `a${blank.repeat(2 * 1024 * 1024)}b`;
    const steps = Array.from({ length: 50 }, () => safeLine(text, 160));
    // With every blank looked at again from every blank this would take hours.
    expect(new Set(steps)).toEqual(new Set(['a']));
  });
});
