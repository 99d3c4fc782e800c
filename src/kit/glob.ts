import { matchParts, nameOfTokens, type Part, type PathNames, type Token } from './glob-parts.js';
import type { MatchWork } from './match-work.js';

/** Patterns longer than this, or with more alternatives, are refused. */
const mostChars = 256;
const mostAlternatives = 32;

/** Whether a path, relative and with `/` between its names, is meant: by one of these. */
export type Glob = readonly ((path: PathNames, work: MatchWork) => boolean)[];

/**
 * Reads a pattern: `*` and `?` within a name, `**` for any number of folders, `[a-z]`, `[!a]`, `{one,two}`, and a backslash that takes
 * away what the next character means. A name that begins with a dot is matched by wildcards only with `dot`. Undefined for what is no
 * pattern. Not by regular expressions: the names come from a sandbox, and with many stars in a pattern one long name would
 * keep those busy for hours. This takes at most (pattern × path) steps for each alternative.
 */
export function parseGlob(pattern: string, dot: boolean): Glob | undefined {
  if (pattern.length === 0 || pattern.length > mostChars) return undefined;
  const parsed = expand(pattern)?.map((one) => one.split('/').map((part) => parsePart(part)));
  if (parsed === undefined) return undefined;
  const globs = parsed.map((parts) => (parts.includes(undefined) ? undefined : (parts as Part[])));
  if (globs.includes(undefined)) return undefined;
  return globs.map((parts) => (path, work) => parts !== undefined && matchParts(parts, path, dot, work));
}

/** `{a,b}` as all that it stands for; nested ones too. */
function expand(pattern: string): readonly string[] | undefined {
  const open = find(pattern, 0, '{');
  if (open < 0) return [pattern];
  const pieces: string[] = [];
  let depth = 0;
  let from = open + 1;
  for (let at = open; at < pattern.length; at += 1) {
    const c = pattern[at];
    if (c === '\\') at += 1;
    else if (c === '{') depth += 1;
    else if (c === ',' && depth === 1) {
      pieces.push(pattern.slice(from, at));
      from = at + 1;
    } else if (c === '}') {
      depth -= 1;
      if (depth > 0) continue;
      pieces.push(pattern.slice(from, at));
      return joined(pieces.map((piece) => pattern.slice(0, open) + piece + pattern.slice(at + 1)));
    }
  }
  return undefined;
}

function joined(patterns: readonly string[]): readonly string[] | undefined {
  const all: string[] = [];
  for (const pattern of patterns) {
    const more = pattern.length > mostChars ? undefined : expand(pattern);
    if (more === undefined || all.length + more.length > mostAlternatives) return undefined;
    all.push(...more);
  }
  return all;
}

function find(pattern: string, from: number, wanted: string): number {
  for (let at = from; at < pattern.length; at += 1) {
    if (pattern[at] === '\\') at += 1;
    else if (pattern[at] === wanted) return at;
  }
  return -1;
}

function parsePart(part: string): Part | undefined {
  if (part === '**') return '**';
  const characters = Array.from(part);
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length; at += 1) {
    const c = characters[at] ?? '';
    if (c === '*' || c === '?') tokens.push(c);
    else if (c === '[') {
      const end = characters.indexOf(']', at + 2);
      if (end < 0) return undefined;
      tokens.push(parseClass(characters.slice(at + 1, end)));
      at = end;
    } else {
      if (c === '\\') at += 1;
      const literal = characters[at];
      if (literal === undefined) return undefined;
      tokens.push({ literal });
    }
  }
  return nameOfTokens(tokens);
}

function parseClass(inner: readonly string[]): Token {
  const isNegated = inner[0] === '!' || inner[0] === '^';
  const rest = isNegated ? inner.slice(1) : inner;
  const ranges: (readonly [string, string])[] = [];
  for (let at = 0; at < rest.length; at += 1) {
    const from = rest[at] ?? '';
    const to = rest[at + 1] === '-' ? rest[at + 2] : undefined;
    ranges.push([from, to ?? from]);
    if (to !== undefined) at += 2;
  }
  const is = (c: string) => ranges.some(([from, to]) => from <= c && c <= to) !== isNegated;
  return { is, steps: ranges.length };
}
