import { createHash } from 'node:crypto';
import { safeLine } from '../kit/safe-text.js';
import { eachInTurns, Turns } from '../kit/turns.js';
import { canonicalJson } from './canonical.js';
import { detailKeyPattern, sha256 } from './record.js';

/** Size and SHA-256 of something that must not be in the log itself. */
export class Digest {
  readonly bytes: number;
  readonly sha256: string;

  constructor(bytes: number, sha256Hex: string) {
    this.bytes = bytes;
    this.sha256 = sha256Hex;
  }
}

/** A text that whoever wrote the call judged fit for the log: an image's name, a network mode. Never a caller's free text. */
export class Plain {
  readonly text: string;

  constructor(text: string) {
    this.text = loggable(text, 200);
  }
}

export interface Details {
  readonly [key: string]: DetailValue | undefined;
}
export type DetailValue = string | number | boolean | null | Digest | Plain | readonly DetailValue[] | Details;

/** JSON of a record's `details`. */
export type DetailJson = string | number | boolean | null | DetailJson[] | { [key: string]: DetailJson };

/** Bytes as they are, a string as UTF-8, anything else as its canonical JSON (BAD_ARGUMENT when it is not JSON). */
export function digest(value: unknown): Digest {
  const data =
    value instanceof Uint8Array ? value : Buffer.from(typeof value === 'string' ? value : canonicalJson(value));
  return new Digest(data.length, sha256(data));
}

/** The same of a list that may be long; others go on meanwhile. */
export async function digestOfList(list: readonly unknown[]): Promise<Digest> {
  const hash = createHash('sha256');
  let bytes = 0;
  const add = (text: string) => {
    const data = Buffer.from(text);
    hash.update(data);
    bytes += data.length;
  };
  await eachInTurns(list, new Turns(), (item) => add(`${bytes === 0 ? '[' : ','}${canonicalJson(item, 1)}`));
  add(bytes === 0 ? '[]' : ']');
  return new Digest(bytes, hash.digest('hex'));
}

export function plain(text: string): Plain {
  return new Plain(text);
}

/**
 * A command for the log: how many words, the digest of all of them (joined by NUL), and the program's name when
 * the first word looks like one. `TOKEN=… cmd` does not, so the assignment stays out.
 */
export function redactArgv(argv: readonly string[]): Details {
  return { argc: argv.length, argv: digest(argv.join('\0')), program: programName(argv[0] ?? '') };
}

/** An environment for the log: the conventional (upper-case) names, at most 32, and never a value, not even a digest of one. */
export function redactEnv(env: Readonly<Record<string, string | undefined>>): Details {
  const names = Object.keys(env).sort();
  const kept = names.filter((name) => /^[A-Z_][A-Z0-9_]{0,47}$/.test(name)).slice(0, 32);
  return { count: names.length, names: kept.map(plain), unnamed: names.length - kept.length };
}

/**
 * Details as they stand in a record. Strings become digests unless made with `plain`, so forgetting to think about
 * one cannot leak it; odd keys and deep values become digests too. Keys are taken to be the program's own words: of an
 * object that a caller sent take the `digest`. Throws BAD_ARGUMENT on what is not JSON.
 */
export function detailsToJson(details: Details): { [key: string]: DetailJson } {
  return objectToJson(details, 0);
}

function objectToJson(details: Details, depth: number): { [key: string]: DetailJson } {
  const result: [string, DetailJson][] = [];
  for (const [key, value] of Object.entries(details)) {
    if (value === undefined) continue;
    result.push([detailKeyPattern.test(key) ? key : `key${sha256(key).slice(0, 16)}`, toJson(value, depth + 1)]);
  }
  return Object.fromEntries(result);
}

function toJson(value: DetailValue, depth: number): DetailJson {
  if (value instanceof Plain) return value.text;
  if (value instanceof Digest) return { bytes: value.bytes, sha256: value.sha256 };
  if (typeof value === 'string') return toJson(digest(value), depth);
  // Records hold whole numbers only: their text is the same in every language.
  if (typeof value === 'number') return Number.isSafeInteger(value) && !Object.is(value, -0) ? value : String(value);
  if (value === null || typeof value === 'boolean') return value;
  if (depth >= 4) return toJson(digest(value), depth);
  return isList(value) ? value.map((item) => toJson(item, depth + 1)) : objectToJson(value, depth);
}

function isList(value: readonly DetailValue[] | Details): value is readonly DetailValue[] {
  return Array.isArray(value);
}

function programName(word: string): Plain | undefined {
  if (!/^[\w./+-]+$/.test(word)) return undefined;
  const name = word.slice(word.lastIndexOf('/') + 1);
  return /^[\w.+-]{1,24}$/.test(name) ? plain(name) : undefined;
}

/** Foreign text on one line, well-formed, within `maxChars` UTF-16 code units. */
export function loggable(text: string, maxChars: number): string {
  return safeLine(text.slice(0, maxChars * 2), maxChars)
    .slice(0, maxChars)
    .replaceAll(/\p{Cs}/gu, '\u{fffd}');
}
