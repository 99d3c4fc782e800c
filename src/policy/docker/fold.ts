import { isObject, type Json } from '../json.js';
import type { RuleId } from '../rules.js';
import { nearest } from '../text.js';
import { deny } from '../verdict.js';

/**
 * Reads an object as Go's JSON reader does, without regard to case, but refuses what Go lets pass: unknown keys, and
 * the same key in two casings (Go takes the last, a reviewer sees the first). Returns the values by canonical key;
 * null counts as absent, as in Go.
 */
export function foldKeys(
  value: Json | undefined,
  known: readonly string[],
  where: string,
  duplicateRule: RuleId = 'docker-opts.duplicate-key',
): ReadonlyMap<string, Json> {
  if (!isObject(value)) deny('docker-opts.value', `${where} is not an object`);
  const found = new Map<string, Json>();
  for (const [key, item] of Object.entries(value)) {
    const name = known.find((candidate) => candidate.toLowerCase() === key.toLowerCase());
    if (name === undefined) denyUnknown(key, known, where);
    if (found.has(name)) deny(duplicateRule, `${where} holds ${name} twice`);
    found.set(name, item);
  }
  for (const [name, item] of found) if (item === null) found.delete(name);
  return found;
}

function denyUnknown(key: string, known: readonly string[], where: string): never {
  const meant = nearest(key, known);
  const suggestion = meant === undefined ? '' : `; did you mean ${meant}?`;
  deny('docker-opts.unknown-key', `${where} does not know ${key.slice(0, 60)}${suggestion}`);
}

/** A list of texts, or a refusal. */
export function textList(value: Json, what: string, maxItems: number): readonly string[] {
  if (!Array.isArray(value)) deny('docker-opts.value', `${what} is not a list`);
  if (value.length > maxItems) deny('docker-opts.value', `${what} has more than ${maxItems} entries`);
  return (value as readonly Json[]).map((item) => text(item, `an entry of ${what}`));
}

export function text(value: Json, what: string): string {
  if (typeof value !== 'string') deny('docker-opts.value', `${what} is not text`);
  return value;
}

export function yesOrNo(value: Json, what: string): boolean {
  if (typeof value !== 'boolean') deny('docker-opts.value', `${what} is not true or false`);
  return value;
}
