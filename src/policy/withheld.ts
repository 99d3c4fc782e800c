import { starPattern } from '../kit/star-pattern.js';
import { LiteralPlaces } from './literal-places.js';
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
  readonly isEnd: boolean;
}

/** One with a `*` in it. */
interface StarPlace extends Place {
  readonly names: readonly ((name: string) => boolean)[];
}

/** Names of which the places are remembered: of a tree, many files have few folders. */
const mostRemembered = 1000;

/** Tells by its place whether a change is withheld unless it is named. Pure. */
export class WithheldPlaces {
  readonly #literal = new LiteralPlaces<Place>();
  readonly #starred: StarPlace[] = [];
  readonly #remembered = new Map<string, readonly StarPlace[]>();
  /** Where folding leaves nothing of a place, it may be any. */
  #everywhere: Place | undefined;

  /**
   * `added`: what the site withholds as well, in the same form. `pointed`: paths that the project points to, without that form: whoever
   * made the project chose their names, and a `*` in one is a `*`. `.` is everything.
   */
  constructor(added: readonly string[] = [], pointed: readonly string[] = []) {
    for (const [id, rule] of Object.entries<WithheldRule>(withheldRules)) {
      for (const pattern of rule.places) this.#take(id as WithheldRuleId, pattern);
      for (const pattern of rule.ends ?? []) this.#take(id as WithheldRuleId, pattern, { isEnd: true });
    }
    for (const pattern of added) this.#take('withheld.site', pattern);
    for (const path of pointed) this.#take('withheld.site', path, { isLiteral: true });
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

  #take(rule: WithheldRuleId, pattern: string, { isEnd = false, isLiteral = false } = {}): void {
    const place = { rule, pattern, isEnd };
    const names = namesOf(foldedPath(pattern), withoutStream);
    if (names.length === 0) this.#everywhere ??= place;
    else if (isLiteral || !names.some((name) => name.includes('*'))) this.#literal.add(names, place);
    else this.#starred.push({ ...place, names: names.map(starPattern) });
  }

  #verdictOn(path: string, isLink: boolean): PlaceVerdict | undefined {
    const folded = foldedPath(path);
    const verdict = this.#verdictOnNames(namesOf(folded, withoutStream), isLink);
    if (verdict !== undefined || !folded.includes(':')) return verdict;
    // What one system takes for a stream of a file is, for another, the name.
    return this.#verdictOnNames(namesOf(folded), isLink);
  }

  #verdictOnNames(names: readonly string[], isLink: boolean): PlaceVerdict | undefined {
    const found = this.#everywhere ?? this.#placeOf(names, isLink);
    return found === undefined ? undefined : { rule: found.rule, found: [found.pattern] };
  }

  #placeOf(names: readonly string[], isLink: boolean): Place | undefined {
    for (const [index, name] of names.entries()) {
      const literal = this.#literal.at(names, index, isLink);
      if (literal !== undefined) return literal;
      const starred = this.#beginningWith(name).find((place) => isAt(place, names.slice(index), isLink));
      if (starred !== undefined) return starred;
    }
    return undefined;
  }

  /** The places with a `*` whose first name may be that. */
  #beginningWith(name: string): readonly StarPlace[] {
    const known = this.#remembered.get(name);
    if (known !== undefined) return known;
    const places = this.#starred.filter(({ names: [first] }) => first?.(name) === true);
    if (this.#remembered.size >= mostRemembered) this.#remembered.clear();
    this.#remembered.set(name, places);
    return places;
  }
}

/** Of a link, the way to a place is as good as the place. */
function isAt({ names, isEnd }: StarPlace, rest: readonly string[], isLink: boolean): boolean {
  if (isEnd && rest.length !== names.length) return false;
  if (rest.length < names.length && !isLink) return false;
  return names.slice(0, rest.length).every((matches, index) => matches(rest[index] ?? ''));
}

/** As file systems, git and Windows take names for the same: without case, marks that are not seen, streams, and dots or blanks at the end. */
function foldedPath(path: string): string {
  if (/^[ -~]*$/.test(path)) return path.toLowerCase();
  return path
    .normalize('NFKC')
    .replaceAll(/\p{Cf}/gu, '')
    .toLowerCase();
}

function namesOf(folded: string, partOf: (name: string) => string = wholeName): readonly string[] {
  return folded
    .split('/')
    .map((name) => withoutEnd(partOf(name)))
    .filter((name) => name !== '');
}

/** Not by a regular expression, which would look at thousands of dots from each of them on. */
function withoutEnd(name: string): string {
  let end = name.length;
  while (end > 0 && (name[end - 1] === '.' || name[end - 1] === ' ')) end -= 1;
  return name.slice(0, end);
}

function withoutStream(name: string): string {
  const at = name.indexOf(':');
  return at < 0 ? name : name.slice(0, at);
}

function wholeName(name: string): string {
  return name;
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
