import { describe, expect, it } from 'vitest';
import { hasJustFailed } from '../../../src/session/sealing.js';

const nowMs = 1_000_000_000;

describe('how soon an encryption that failed is tried again', () => {
  it.each([
    ['never tried', undefined, false],
    ['just now', nowMs, true],
    ['not yet a quarter of an hour ago', nowMs - 899_999, true],
    ['a quarter of an hour ago', nowMs - 900_000, false],
    ['by a clock that went back since', nowMs + 1, false],
  ])('%s', (_, triedAtMs, isSo) => {
    expect(hasJustFailed({ triedAtMs }, nowMs)).toBe(isSo);
  });
});
