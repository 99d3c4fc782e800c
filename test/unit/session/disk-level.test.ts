import { expect, it } from 'vitest';
import { diskLevelOf } from '../../../src/session/disk/disk-words.js';

const limits = { bytes: 1000, inodes: 100 };

it.each([
  [0, 0, 'usual'],
  [799, 79, 'usual'],
  [800, 0, 'warning'],
  [0, 80, 'warning'],
  [950, 10, 'critical'],
  [10, 95, 'critical'],
  [1000, 1, 'reached'],
  [1, 100, 'reached'],
] as const)(
  'a session with %i of 1000 bytes and %i of 100 files is %s by whichever is nearer its limit',
  (bytes, inodes, level) => {
    expect(diskLevelOf({ bytes, inodes, limits, countedAtMs: 0 })).toBe(level);
  },
);
