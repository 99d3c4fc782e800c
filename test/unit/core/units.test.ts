import { describe, expect, it } from 'vitest';
import { formatBytes, formatDuration, parseBytes, parseDuration } from '../../../src/core/units.js';

describe('sizes', () => {
  it.each([
    ['2g', 2 * 1024 ** 3],
    ['512MB', 512 * 1024 ** 2],
    ['1.5GiB', 1.5 * 1024 ** 3],
    ['1048576', 1048576],
    [4096, 4096],
    ['0', 0],
    ['10b', 10],
  ])('reads %s', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each([
    '',
    '-1',
    -1,
    '2gg',
    'g',
    '1e9',
    1.5e300,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '2 g',
    '1bb',
    '9999999999t',
    '0x10',
    '2ib',
  ])('refuses %s', (text) => {
    expect(parseBytes(text)).toBeUndefined();
  });

  it('prints the largest unit that fits', () => {
    expect([512, 1024, 1536, 2 * 1024 ** 3].map(formatBytes)).toEqual(['512 B', '1 KiB', '1.5 KiB', '2 GiB']);
  });
});

describe('durations', () => {
  it.each([
    ['90s', 90_000],
    ['10m', 600_000],
    ['8h', 28_800_000],
    ['500ms', 500],
    [2, 2000],
    ['1.5', 1500],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '-5s', 'soon', '5S', '1d2h', Number.NaN])('refuses %s', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it('prints the two largest parts', () => {
    expect([340, 12_000, 3_905_000].map(formatDuration)).toEqual(['340ms', '12s', '1h 5m']);
  });
});
