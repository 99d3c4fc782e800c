import { expect, it } from 'vitest';
import { table } from '../../../src/cli/output.js';

it('lines columns up, and lets one long cell push only its own row aside', () => {
  const long = 'x'.repeat(600);
  expect(
    table([
      ['engine', 'not set', 'default'],
      ['a', long, 'file'],
      ['profiles', 'strict', 'default'],
    ]),
  ).toBe(
    [
      'engine    not set  default', //
      `a         ${long}  file`,
      'profiles  strict   default',
    ].join('\n'),
  );
});
