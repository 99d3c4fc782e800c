import { PaddockError } from '../core/errors.js';

const maxDepth = 64;

/**
 * The one text of a JSON value: members sorted by key (UTF-16 code units), no white space, strings and numbers as
 * ECMAScript's `JSON.stringify` writes them, members that are undefined left out. For what a record may hold this
 * is RFC 8785. Throws BAD_ARGUMENT on what is not JSON or is nested deeper than 64: hostile nesting must not cost the stack.
 */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > maxDepth) throw new PaddockError('BAD_ARGUMENT', `a value is nested deeper than ${maxDepth} levels`);
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(',')}]`;
  if (typeof value !== 'object') throw new PaddockError('BAD_ARGUMENT', `a ${typeof value} is not JSON`);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member, depth + 1)}`);
  return `{${members.join(',')}}`;
}
