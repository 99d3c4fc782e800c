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
  return ofMembers(canonicalMembers(value, depth));
}

/** Key and canonical text of each member, in no order. Throws as `canonicalJson` does. */
export function canonicalMembers(value: object, depth = 0): [string, string][] {
  const members: [string, string][] = [];
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined) members.push([key, canonicalJson(member, depth + 1)]);
  }
  return members;
}

/** The canonical JSON of an object that has these members; sorts them in place. */
export function ofMembers(members: [string, string][]): string {
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`;
}
