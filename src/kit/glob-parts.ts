import type { MatchWork } from './match-work.js';
import { starPattern } from './star-pattern.js';

/** A path, taken apart once for all the patterns that it is held against. */
export class PathNames {
  readonly names: readonly string[];
  readonly #characters: (readonly string[] | undefined)[] = [];

  constructor(path: string) {
    this.names = path.split('/');
  }

  /** Those of one of its names. */
  charactersOf(at: number, work: MatchWork): readonly string[] {
    const known = this.#characters[at];
    if (known !== undefined) return known;
    const name = this.names[at] ?? '';
    work.take(name.length);
    const characters = Array.from(name);
    this.#characters[at] = characters;
    return characters;
  }
}

/** One name of a pattern. */
export interface NamePattern {
  /** Whether it begins with what does not match a dot at the beginning of a name. */
  readonly isOpen: boolean;
  readonly matches: (path: PathNames, at: number, work: MatchWork) => boolean;
}

export type Part = '**' | NamePattern;

export type Token = '*' | '?' | { readonly literal: string } | CharacterClass;

interface CharacterClass {
  readonly is: (character: string) => boolean;
  /** What asking costs, in steps. */
  readonly steps: number;
}

/** What a name of a pattern matches, by the cheapest way there is. */
export function nameOfTokens(tokens: readonly Token[]): NamePattern {
  const isOpen = tokens[0] === '*' || tokens[0] === '?';
  const text = simpleText(tokens);
  if (text === undefined) {
    return { isOpen, matches: (path, at, work) => matchTokens(tokens, path.charactersOf(at, work), work) };
  }
  const stars = text.split('*').length - 1;
  if (stars === 0) return { isOpen, matches: ({ names }, at) => names[at] === text };
  const fits = starPattern(text);
  const matches = ({ names }: PathNames, at: number, work: MatchWork) => {
    const name = names[at] ?? '';
    if (stars > 1) work.take(name.length);
    return fits(name);
  };
  return { isOpen, matches };
}

/** Undefined where something is in it that is neither a star nor itself, or a star that is itself. */
function simpleText(tokens: readonly Token[]): string | undefined {
  const texts = tokens.map((token) => {
    if (token === '*') return token;
    return typeof token === 'object' && 'literal' in token && token.literal !== '*' ? token.literal : undefined;
  });
  return texts.includes(undefined) ? undefined : texts.join('');
}

function matchTokens(tokens: readonly Token[], characters: readonly string[], work: MatchWork): boolean {
  return matchSequence(tokens.length, characters.length, {
    work,
    isStar: (at) => tokens[at] === '*',
    mayTake: () => true,
    matches: (at, character) => {
      const token = tokens[at];
      if (token === '?') return true;
      if (typeof token !== 'object') return false;
      const given = characters[character] ?? '';
      if ('literal' in token) return token.literal === given;
      work.take(token.steps);
      return token.is(given);
    },
  });
}

/** Whether a path is matched by the names of a pattern. */
export function matchParts(parts: readonly Part[], path: PathNames, dot: boolean, work: MatchWork): boolean {
  work.take(1);
  const { names } = path;
  const [first] = parts;
  // Most paths end here: what is made for a comparison costs more than it.
  if (typeof first === 'object' && !matchOne(first, path, 0, dot, work)) return false;
  if (!parts.includes('**')) {
    if (parts.length !== names.length) return false;
    return parts.every((part, at) => at === 0 || matchOne(part, path, at, dot, work));
  }
  return matchSequence(parts.length, names.length, {
    work,
    isStar: (at) => parts[at] === '**',
    mayTake: (at) => dot || names[at]?.[0] !== '.',
    matches: (at, name) => matchOne(parts[at], path, name, dot, work),
  });
}

function matchOne(part: Part | undefined, path: PathNames, at: number, dot: boolean, work: MatchWork): boolean {
  if (typeof part !== 'object') return false;
  if (part.isOpen && !dot && path.names[at]?.[0] === '.') return false;
  return part.matches(path, at, work);
}

interface Sequence {
  readonly work: MatchWork;
  readonly isStar: (at: number) => boolean;
  /** Whether a star may take that item. */
  readonly mayTake: (item: number) => boolean;
  readonly matches: (at: number, item: number) => boolean;
}

/** Greedy, and back only to the last star: what an earlier one took before that can stay as it is. */
function matchSequence(length: number, itemCount: number, { work, isStar, mayTake, matches }: Sequence): boolean {
  let [at, item, star, taken] = [0, 0, -1, 0];
  while (item < itemCount) {
    work.take(2);
    if (at < length && isStar(at)) {
      star = at;
      taken = item;
      at += 1;
    } else if (at < length && matches(at, item)) {
      at += 1;
      item += 1;
    } else if (star >= 0 && mayTake(taken)) {
      taken += 1;
      item = taken;
      at = star + 1;
    } else {
      return false;
    }
  }
  while (at < length && isStar(at)) at += 1;
  return at === length;
}
