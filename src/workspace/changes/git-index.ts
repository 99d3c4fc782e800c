/** Of a line, `H 120000 …\tPATH`: the letter says what became of the file, and the second digit of the mode what it is. */
const [tab, letterOfSkipped, digitOfLinks, digitOfModules] = [0x09, 0x53, 0x32, 0x36] as const;
const digitAt = 3;
const ignoreFile = Buffer.from('.gitignore');

/** One entry, as offsets in the listing; `end` is where its NUL is. */
interface Line {
  readonly at: number;
  readonly path: number;
  readonly end: number;
}

/**
 * The index of a repository as `git ls-files -z --stage -t` prints it: sorted by the bytes of the paths, so that a question takes as long as there
 * are few changes, however large the project is.
 */
export class GitIndex {
  /** What git tracks as links. */
  readonly links: readonly string[];
  /** Where other repositories begin. */
  readonly modules: ReadonlySet<string>;
  /** Whether a .gitignore is in the index and not among the files, since the project is checked out in part. */
  readonly hasSkippedIgnores: boolean;
  readonly #listing: Buffer;
  /** Where each path begins. */
  readonly #paths: Uint32Array;

  /** Errors: an Error, where it is anything else. */
  constructor(listing: Buffer) {
    const paths: number[] = [];
    const special: Line[] = [];
    for (const line of linesOf(listing)) {
      paths.push(line.path);
      const digit = listing[line.at + digitAt];
      const isSpecial = digit === digitOfLinks || digit === digitOfModules || listing[line.at] === letterOfSkipped;
      if (isSpecial) special.push(line);
    }
    const ofKind = (digit: number) =>
      special
        .filter(({ at }) => listing[at + digitAt] === digit)
        .map(({ path, end }) => listing.toString('utf8', path, end));
    this.#listing = listing;
    this.#paths = Uint32Array.from(paths);
    this.links = ofKind(digitOfLinks);
    this.modules = new Set(ofKind(digitOfModules));
    this.hasSkippedIgnores = special.some(
      ({ at, path, end }) => listing[at] === letterOfSkipped && listing.subarray(path, end).includes(ignoreFile),
    );
  }

  /** Whether that is tracked, or is a folder in which something is. */
  has(path: string): boolean {
    return this.#hasOne(Buffer.from(`${path}\0`)) || this.#hasOne(Buffer.from(`${path}/`));
  }

  /** Whether a path, with the NUL after it, begins so. */
  #hasOne(beginning: Buffer): boolean {
    const listing = this.#listing;
    const endOf = (start: number) => Math.min(start + beginning.length, listing.length);
    let [low, high] = [0, this.#paths.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const start = this.#paths[middle] ?? 0;
      // No byte of a path is less than the NUL after it: with that they are in the same order.
      if (listing.compare(beginning, 0, beginning.length, start, endOf(start)) < 0) low = middle + 1;
      else high = middle;
    }
    const start = this.#paths[low];
    return start !== undefined && beginning.equals(listing.subarray(start, endOf(start)));
  }
}

function* linesOf(listing: Buffer): Generator<Line> {
  for (let at = 0; at < listing.length; ) {
    const end = listing.indexOf(0, at);
    const path = listing.indexOf(tab, at) + 1;
    if (end < 0 || path === 0 || path > end) throw new Error('that is no index of git');
    yield { at, path, end };
    at = end + 1;
  }
}
