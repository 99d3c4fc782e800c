import { type WithheldRule, type WithheldRuleId, withheldRules } from './withheld-places.js';

/** What is asked about: where a change is, where it was, and where it leads if it is a link. */
export interface ChangedPlace {
  readonly path: string;
  readonly from?: string | undefined;
  /** Of a link: where it leads. */
  readonly target?: string | undefined;
}

export interface PlaceVerdict {
  readonly rule: WithheldRuleId;
  /** The pattern that it falls under. */
  readonly found: readonly string[];
}

interface Place {
  readonly rule: WithheldRuleId;
  readonly pattern: string;
  readonly names: readonly RegExp[];
  readonly isEnd: boolean;
}

/** Names of which the places are remembered: of a tree, many files have few folders. */
const mostRemembered = 1000;

/** Tells by its place whether a change is withheld unless it is named. Pure. */
export class WithheldPlaces {
  /** By the first name, where that is fixed; the rest under an empty one. */
  readonly #byName = new Map<string, Place[]>();
  readonly #remembered = new Map<string, readonly Place[]>();

  /** `added`: what the site withholds as well, in the same form. */
  constructor(added: readonly string[] = []) {
    for (const [id, rule] of Object.entries<WithheldRule>(withheldRules)) {
      this.#take(id as WithheldRuleId, rule.places, false);
      this.#take(id as WithheldRuleId, rule.ends ?? [], true);
    }
    this.#take('withheld.site', added, false);
  }

  /** Undefined: nothing is known against that place. */
  verdictOn({ path, from, target }: ChangedPlace): PlaceVerdict | undefined {
    const isLink = target !== undefined;
    return (
      this.#verdictOn(path, isLink) ??
      (from === undefined ? undefined : this.#verdictOn(from, isLink)) ??
      (isLink ? this.#verdictOn(meant(path, target), false) : undefined)
    );
  }

  #take(rule: WithheldRuleId, patterns: readonly string[], isEnd: boolean): void {
    for (const pattern of patterns) {
      const parts = namesOf(foldedPath(pattern), withoutStream);
      const [first = ''] = parts;
      const key = first.includes('*') ? '' : first;
      const place = { rule, pattern, isEnd, names: parts.map(nameMatcher) };
      this.#byName.set(key, [...(this.#byName.get(key) ?? []), place]);
    }
  }

  #verdictOn(path: string, isLink: boolean): PlaceVerdict | undefined {
    const folded = foldedPath(path);
    const verdict = this.#verdictOnNames(namesOf(folded, withoutStream), isLink);
    if (verdict !== undefined || !folded.includes(':')) return verdict;
    // What one system takes for a stream of a file is, for another, the name.
    return this.#verdictOnNames(namesOf(folded), isLink);
  }

  #verdictOnNames(names: readonly string[], isLink: boolean): PlaceVerdict | undefined {
    for (const [index, name] of names.entries()) {
      const places = this.#beginningWith(name);
      if (places.length === 0) continue;
      const rest = names.slice(index);
      const found = places.find((place) => isAt(place, rest, isLink));
      if (found !== undefined) return { rule: found.rule, found: [found.pattern] };
    }
    return undefined;
  }

  /** The places whose first name is, or may be, that. */
  #beginningWith(name: string): readonly Place[] {
    const known = this.#remembered.get(name);
    if (known !== undefined) return known;
    const open = (this.#byName.get('') ?? []).filter(({ names: [first] }) => first?.test(name) !== false);
    const places = [...(this.#byName.get(name) ?? []), ...open];
    if (this.#remembered.size >= mostRemembered) this.#remembered.clear();
    this.#remembered.set(name, places);
    return places;
  }
}

/** A link at `.github` brings its own `workflows`: so for one, the way to a place is as good as the place. */
function isAt({ names, isEnd }: Place, rest: readonly string[], isLink: boolean): boolean {
  if (isEnd && rest.length !== names.length) return false;
  if (rest.length < names.length && !isLink) return false;
  return names.slice(0, rest.length).every((matcher, index) => matcher.test(rest[index] ?? ''));
}

/** As file systems, git and Windows take names for the same: without case, marks that are not seen, streams, and dots or blanks at the end. */
function foldedPath(path: string): string {
  return path
    .normalize('NFKC')
    .replaceAll(/\p{Cf}/gu, '')
    .toLowerCase();
}

function namesOf(folded: string, partOf: (name: string) => string = wholeName): readonly string[] {
  return folded
    .split('/')
    .map((name) => partOf(name).replace(/[. ]+$/, ''))
    .filter((name) => name !== '');
}

function withoutStream(name: string): string {
  return name.replace(/:.*$/s, '');
}

function wholeName(name: string): string {
  return name;
}

function nameMatcher(name: string): RegExp {
  const parts = name.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}

/** Where a link leads, by its words alone. */
function meant(path: string, target: string): string {
  const names = path.split('/').slice(0, -1);
  for (const name of target.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names.join('/');
}
