import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { readKernelUnits } from '../../../../src/kit/proc/units.js';

const getconf = (name: string) => Number(execFileSync('getconf', [name], { encoding: 'utf8' }));

it('knows the size of a page and the length of a clock tick as the C library does', () => {
  expect(readKernelUnits()).toEqual({ pageBytes: getconf('PAGESIZE'), ticksPerSecond: getconf('CLK_TCK') });
});

it('takes the usual where the kernel does not say', () => {
  expect(readKernelUnits('/nonexistent')).toEqual({ pageBytes: 4096, ticksPerSecond: 100 });
});
