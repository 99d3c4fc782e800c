/** What stands at a place. */
interface Placed {
  /** Only where the path ends there, and not for what is below. */
  readonly isEnd: boolean;
}

interface Branch<T> {
  readonly below: Map<string, Branch<T>>;
  /** What is here, with all below it. */
  here?: T;
  /** What is here, as the end of a path. */
  end?: T;
  /** The first that is here or further on. */
  onTheWay?: T;
}

/** Names that a place is told by. Links of a project lead to any depth, and every path would be held against all of it, at each of its names. */
const mostNames = 64;

/**
 * Places given by nothing but names, such as `a/b`. A project can have thousands: looking one up takes as many steps as it has names, and not as
 * many as there are places. Of a place with more than 64 names, all that is below the 64th is meant.
 */
export class LiteralPlaces<T extends Placed> {
  readonly #top: Branch<T> = { below: new Map() };

  /** The first of two at one place stays. */
  add(names: readonly string[], placed: T): void {
    let branch = this.#top;
    for (const name of names.slice(0, mostNames)) {
      const next = branch.below.get(name) ?? { below: new Map() };
      branch.below.set(name, next);
      branch = next;
      if (!placed.isEnd) branch.onTheWay ??= placed;
    }
    if (placed.isEnd) branch.end ??= placed;
    else branch.here ??= placed;
  }

  /** What is at the names from that one on, or above them; of a link also what is further on. The nearest to the top. */
  at(names: readonly string[], from: number, isLink: boolean): T | undefined {
    let branch: Branch<T> | undefined = this.#top;
    for (let at = from; at < names.length; at += 1) {
      branch = branch.below.get(names[at] ?? '');
      if (branch === undefined) return undefined;
      if (branch.here !== undefined) return branch.here;
    }
    // A link at `.github` brings its own `workflows`: so for one, the way to a place is as good as the place.
    return branch.end ?? (isLink ? branch.onTheWay : undefined);
  }
}
