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

/** Tells by its place whether a change is withheld unless it is named. Pure. */
export class WithheldPlaces {
  /** By the first name, where that is fixed; the rest under an empty one. */
  readonly #byName = new Map<string, Place[]>();

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
      const parts = namesOf(pattern);
      const [first = ''] = parts;
      const key = first.includes('*') ? '' : first;
      const place = { rule, pattern, isEnd, names: parts.map(nameMatcher) };
      this.#byName.set(key, [...(this.#byName.get(key) ?? []), place]);
    }
  }

  #verdictOn(path: string, isLink: boolean): PlaceVerdict | undefined {
    // What one system takes for a stream of a file is, for another, the name.
    return this.#verdictOnNames(namesOf(path), isLink) ?? this.#verdictOnNames(namesOf(path, wholeName), isLink);
  }

  #verdictOnNames(names: readonly string[], isLink: boolean): PlaceVerdict | undefined {
    for (const [index, name] of names.entries()) {
      const rest = names.slice(index);
      const places = [...(this.#byName.get(name) ?? []), ...(this.#byName.get('') ?? [])];
      const found = places.find((place) => isAt(place, rest, isLink));
      if (found !== undefined) return { rule: found.rule, found: [found.pattern] };
    }
    return undefined;
  }
}

/** A link at `.github` brings its own `workflows`: so for one, the way to a place is as good as the place. */
function isAt({ names, isEnd }: Place, rest: readonly string[], isLink: boolean): boolean {
  if (isEnd && rest.length !== names.length) return false;
  if (rest.length < names.length && !isLink) return false;
  return names.slice(0, rest.length).every((matcher, index) => matcher.test(rest[index] ?? ''));
}

/** As file systems, git and Windows take names for the same: without case, marks that are not seen, streams, and dots or blanks at the end. */
function namesOf(path: string, partOf: (name: string) => string = withoutStream): readonly string[] {
  return path
    .normalize('NFKC')
    .replaceAll(/\p{Cf}/gu, '')
    .toLowerCase()
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
