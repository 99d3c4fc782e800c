import type { Json } from '../../../policy/json.js';
import { isObject } from '../../../policy/json.js';
import type { TokenCounts } from '../types.js';

export const noTokens: TokenCounts = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cacheWriteLong: 0 };

export function addCounts(a: TokenCounts, b: TokenCounts): TokenCounts {
  return {
    input: a.input + b.input,
    output: a.output + b.output,
    cacheRead: a.cacheRead + b.cacheRead,
    cacheWrite: a.cacheWrite + b.cacheWrite,
    cacheWriteLong: a.cacheWriteLong + b.cacheWriteLong,
  };
}

export function totalOf(counts: TokenCounts): number {
  return counts.input + counts.output + counts.cacheRead + counts.cacheWrite + counts.cacheWriteLong;
}

/** A member of an object; undefined where there is none. */
export function member(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  let current = value;
  for (const name of path) current = isObject(current) ? current[name] : undefined;
  return current;
}

/** A count that a provider named: 0 where it is none, so that no answer can make a sum fall or stop being a number. */
export function count(value: Json | undefined): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
