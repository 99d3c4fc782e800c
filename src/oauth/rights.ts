import { createHash } from 'node:crypto';
import type { TokenClaims } from './access-token.js';

/** Claims that have to be there, each as this text or as a list with it. */
export type Conditions = Readonly<Record<string, string>>;

/** The first of those whose conditions hold; undefined: none of them. */
export function grantFor<G extends { readonly when: Conditions }>(
  { all }: TokenClaims,
  grants: readonly G[],
): G | undefined {
  return grants.find(({ when }) => Object.entries(when).every(([name, text]) => holds(all, name, text)));
}

function holds(claims: TokenClaims['all'], name: string, text: string): boolean {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  return Array.isArray(value) ? value.includes(text) : value === text;
}

/**
 * What records and the audit log call the holder of a token, and what makes their sessions theirs: 32 hex digits, twice as many as a key's id has, so that
 * neither is ever the other. Under another grant they are somebody else: what was made with more rights is not there for fewer.
 */
export function holderId(issuer: string, subject: string, grant: string): string {
  // As JSON: of two texts put together nobody could tell where one ends.
  const text = JSON.stringify([issuer, subject, grant]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** Scopes in the order of the site's file, each with the tools, or groups of tools, that it stands for. */
export type ScopeTable = Readonly<Record<string, readonly string[]>>;

export class Scopes {
  readonly #table: ReadonlyMap<string, ReadonlySet<string>>;

  /** `toolsOf`: the tools that names of tools and of groups stand for. */
  constructor(table: ScopeTable, toolsOf: (names: readonly string[]) => ReadonlySet<string>) {
    this.#table = new Map(Object.entries(table).map(([scope, names]) => [scope, toolsOf(names)]));
  }

  get all(): readonly string[] {
    return [...this.#table.keys()];
  }

  /** Those of a token that stand for anything here. */
  known(scopes: readonly string[]): readonly string[] {
    return this.all.filter((scope) => scopes.includes(scope));
  }

  /**
   * The scopes that a token needs for a call of that tool: those it has, without which it would lose what it can do, and one more.
   * Undefined: it needs none that it lacks, or none would do.
   */
  lacking(had: readonly string[], tool: string): readonly string[] | undefined {
    const that = this.all.filter((scope) => this.#table.get(scope)?.has(tool) === true);
    const [one] = that;
    return one === undefined || that.some((scope) => had.includes(scope)) ? undefined : [...had, one];
  }
}
