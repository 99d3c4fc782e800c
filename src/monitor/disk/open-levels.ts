import { type BigIntStats, closeSync, constants, fstatSync, openSync } from 'node:fs';
import { openPathOnly } from '../../kit/open-path-only.js';

/** A folder on the way to where a walk is. */
export interface Level {
  readonly dev: number;
  /** Names of folders in it that have not been entered yet. */
  readonly pending: Buffer[];
  /** What names in it are opened with: through the descriptor, whatever path it has by now. */
  readonly prefix: Buffer;
}

interface Held extends Level {
  fd: number | undefined;
  prefix: Buffer;
  /** Which folder it is, noted when it is closed. */
  identity: Pick<BigIntStats, 'dev' | 'ino'> | undefined;
}

export const folderOnly = openPathOnly | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** So many are open at a time, of however many levels. */
const mostOpen = 16;

/**
 * The levels between the folder that is walked and where the walk is. Only the deepest are held open, and the first. On the way back
 * one that was closed is opened as `..` of the one below, which is a folder and no link whatever happens, and it is taken only if it
 * is the same one: somebody may have moved what is below to somewhere else.
 */
export class OpenLevels implements Disposable {
  readonly #levels: Held[] = [];

  get depth(): number {
    return this.#levels.length;
  }

  get deepest(): Level | undefined {
    return this.#levels.at(-1);
  }

  /** Goes down into a folder, whose descriptor is its own from here on. */
  enter(fd: number, dev: number): Level {
    const level: Held = { fd, dev, pending: [], prefix: prefixOf(fd), identity: undefined };
    this.#levels.push(level);
    const far = this.#levels.length - mostOpen;
    const left = far > 0 ? this.#levels[far] : undefined;
    if (left?.fd !== undefined) {
      left.identity = fstatSync(left.fd, { bigint: true });
      close(left);
    }
    return level;
  }

  /** Goes back up. Returns how many levels were not found again, with what was pending there. */
  leave(): number {
    const below = this.#levels.pop();
    const above = this.#levels.at(-1);
    if (below?.fd === undefined) return 0;
    if (above !== undefined && above.fd === undefined) reopen(above, below.fd);
    close(below);
    let lost = 0;
    for (let top = this.#levels.at(-1); top !== undefined && top.fd === undefined; top = this.#levels.at(-1)) {
      this.#levels.pop();
      lost += 1;
    }
    return lost;
  }

  [Symbol.dispose](): void {
    for (const level of this.#levels) close(level);
    this.#levels.length = 0;
  }
}

export function prefixOf(fd: number): Buffer {
  return Buffer.from(`/proc/self/fd/${fd}/`);
}

function reopen(level: Held, below: number): void {
  let fd: number;
  try {
    fd = openSync(`/proc/self/fd/${below}/..`, folderOnly);
  } catch {
    return;
  }
  const { dev, ino } = fstatSync(fd, { bigint: true });
  if (dev !== level.identity?.dev || ino !== level.identity.ino) {
    closeSync(fd);
    return;
  }
  level.fd = fd;
  level.prefix = prefixOf(fd);
}

function close(level: Held): void {
  if (level.fd !== undefined) closeSync(level.fd);
  level.fd = undefined;
}
