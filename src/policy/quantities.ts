import { formatBytes, formatDuration, parseBytes, parseDuration } from '../core/units.js';
import type { Json } from './json.js';
import type { RuleId } from './rules.js';
import { deny } from './verdict.js';

/** A size in bytes above zero, from a whole number or text such as `2g`. */
export function size(value: Json, what: string): number {
  const fits = typeof value === 'string' || (typeof value === 'number' && Number.isSafeInteger(value));
  const bytes = fits ? parseBytes(value) : undefined;
  if (bytes === undefined || bytes === 0) deny('limits.malformed', `${what} is not a size: ${JSON.stringify(value)}`);
  return bytes;
}

/** Milliseconds above zero, from seconds or text such as `10m`. */
export function duration(value: string | number, what: string): number {
  const ms = parseDuration(value);
  if (ms === undefined || ms === 0) deny('limits.malformed', `${what} is not a duration: ${JSON.stringify(value)}`);
  return ms;
}

/** A whole number above zero. */
export function count(value: Json, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value <= 0) {
    deny('limits.malformed', `${what} is not a whole number above zero: ${JSON.stringify(value)}`);
  }
  return value;
}

/** CPUs such as `1.5`, as thousandths of one, rounded down. */
export function cpus(value: string | number, what: string): number {
  const text = typeof value === 'number' ? String(value) : value.trim();
  if (!/^\d{1,6}(?:\.\d{1,9})?$/.test(text)) deny('limits.malformed', `${what} is not a number of CPUs: ${text}`);
  // The epsilon keeps 1.1 at 1100: 1.1 * 1000 is 1100.0000000000002, 0.29 * 1000 is 290 only after it.
  return Math.floor(Number(text) * 1000 + 1e-6);
}

export interface Range {
  readonly what: string;
  readonly minimum: number;
  readonly ceiling: number;
  readonly ceilingRule: RuleId;
  readonly unit: 'bytes' | 'ms' | 'cpuMillis' | 'plain';
}

/** `asked` when it lies within the range, else a refusal that names both numbers. */
export function within(asked: number, range: Range): number {
  const say = (value: number) => describe(value, range.unit);
  if (asked > range.ceiling) {
    deny(range.ceilingRule, `${range.what} ${say(asked)} is above the ceiling of ${say(range.ceiling)}`);
  }
  if (asked < range.minimum) {
    deny('limits.too-small', `${range.what} ${say(asked)} is below the least of ${say(range.minimum)}`);
  }
  return asked;
}

function describe(value: number, unit: Range['unit']): string {
  if (unit === 'bytes') return formatBytes(value);
  if (unit === 'ms') return formatDuration(value);
  return unit === 'cpuMillis' ? `${value / 1000} CPUs` : String(value);
}
