import { createHash, hash } from 'node:crypto';
import { codeOf } from '../../kit/error-code.js';
import { NotAsExpected } from '../../kit/open-folder.js';

/** Why something was not taken, in a word that stays: the list is in docs/files.md. */
export interface LeftOut {
  /** Relative to what was copied; `.` is that itself. */
  readonly path: string;
  readonly why: string;
}

/** What a transfer came to. */
export interface TransferCounts {
  readonly files: number;
  readonly folders: number;
  readonly links: number;
  readonly bytes: number;
  /** Of a file: of its content. Of a folder: of the sorted digests of a line for each entry, `KIND MODE CONTENT-OR-TARGET PATH`. */
  readonly sha256: string;
  readonly leftOut: readonly LeftOut[];
  /** Those that are not in the list. */
  readonly moreLeftOut: number;
}

/** How far a transfer is: entries that are done, and content that has passed, also of an entry that is not done yet, or will be left out. */
export interface SoFar {
  readonly entries: number;
  readonly bytes: number;
}

const mostLeftOut = 1000;

/** Adds up a transfer while it runs. */
export class Tally {
  files = 0;
  folders = 0;
  links = 0;
  bytes = 0;
  readonly #leftOut: LeftOut[] = [];
  #moreLeftOut = 0;
  #passedBytes = 0;
  readonly #digests: string[] = [];
  #onlyContent: string | undefined;

  /** Told at every entry and every piece of content: whoever shows it does so from time to time. */
  readonly onProgress: ((soFar: SoFar) => void) | undefined;

  constructor(onProgress?: Tally['onProgress']) {
    this.onProgress = onProgress;
  }

  get entries(): number {
    return this.files + this.folders + this.links;
  }

  get soFar(): SoFar {
    return { entries: this.entries, bytes: this.bytes + this.#passedBytes };
  }

  /** So many bytes of the content of a file have passed that is not whole yet. */
  pass(bytes: number): void {
    this.#passedBytes += bytes;
    this.onProgress?.(this.soFar);
  }

  addFile(path: string, mode: number, sizeBytes: number, sha256: string): void {
    this.files += 1;
    this.bytes += sizeBytes;
    this.#passedBytes = 0;
    this.#onlyContent = path === '.' ? sha256 : undefined;
    this.#add('file', mode, sha256, path);
  }

  addFolder(path: string, mode: number): void {
    this.folders += 1;
    this.#add('folder', mode, '-', path);
  }

  addLink(path: string, target: string): void {
    this.links += 1;
    this.#add('link', 0o777, target, path);
  }

  leave(path: string, why: string): void {
    this.#passedBytes = 0;
    if (this.#leftOut.length < mostLeftOut) this.#leftOut.push({ path: path === '' ? '.' : path, why });
    else this.#moreLeftOut += 1;
  }

  leaveMore(count: number): void {
    this.#moreLeftOut += count;
  }

  counts(): TransferCounts {
    const { files, folders, links, bytes } = this;
    const all = createHash('sha256')
      .update([...this.#digests].sort().join('\n'))
      .digest('hex');
    return {
      ...{ files, folders, links, bytes, sha256: this.#onlyContent ?? all },
      ...{ leftOut: [...this.#leftOut], moreLeftOut: this.#moreLeftOut },
    };
  }

  #add(kind: string, mode: number, what: string, path: string): void {
    this.#digests.push(hash('sha256', `${kind} ${mode.toString(8)} ${what} ${path}`, 'base64'));
    this.onProgress?.(this.soFar);
  }
}

/** What the file system says of one entry does not end a transfer. Anything else is thrown on, such as a full disk, or a stream that broke. */
export function whyLeftOut(error: unknown): string {
  if (error instanceof NotAsExpected) return 'in-the-way';
  switch (codeOf(error)) {
    case 'ENOENT':
      return 'gone';
    case 'EEXIST':
      return 'exists';
    case 'EISDIR':
    case 'ENOTEMPTY':
    case 'ENOTDIR':
    case 'EINVAL':
      return 'in-the-way';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'refused';
    case 'ENAMETOOLONG':
    case 'EILSEQ':
      return 'name';
    case 'EFBIG':
      return 'size';
    default:
      throw error;
  }
}
