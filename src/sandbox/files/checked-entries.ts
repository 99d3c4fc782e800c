import type { Extract } from 'tar-stream';
import type { Tally } from './tally.js';
import { namesOf, staysWithin, type TransferBounds } from './transfer-bounds.js';

/** An entry of an archive that may be taken: nothing in its names or its target leads out. */
export interface CheckedEntry {
  /** Relative; none: the top itself. */
  readonly names: readonly string[];
  readonly kind: 'file' | 'folder' | 'link';
  /** Permission bits, without set-user-ID and the like. */
  readonly mode: number;
  readonly mtimeMs: number;
  readonly sizeBytes: number;
  readonly target: string;
  readonly content: EntryContent;
}

/** What an entry holds. `read` gives the next piece where that is at hand: without a turn of the loop for each small file. */
export interface EntryContent extends AsyncIterable<Buffer> {
  read(): Buffer | null;
}

const kinds: Readonly<Record<string, CheckedEntry['kind'] | undefined>> = {
  file: 'file',
  'contiguous-file': 'file',
  directory: 'folder',
  symlink: 'link',
};

/**
 * The entries of an archive that nobody need believe, as far as they can be taken; the others are skipped and in the tally. Whoever
 * iterates takes the content of an entry before the next, or leaves it. Rejects where the archive is none, or breaks off.
 */
export async function* checkedEntries(
  archive: Extract,
  tally: Tally,
  bounds: TransferBounds,
): AsyncGenerator<CheckedEntry> {
  const seen = new Set<string>();
  let count = 0;
  for await (const entry of archive) {
    count += 1;
    const checked = count > bounds.entries ? 'count' : check(entry.header, bounds.bytes - tally.bytes);
    if (typeof checked === 'string') tally.leave(shortened(entry.header.name), checked);
    else {
      const path = checked.names.join('/');
      // What comes twice would replace its own kind, or a link that a name further down goes through.
      if (checked.kind !== 'folder' && seen.has(path)) tally.leave(path, 'twice');
      else {
        if (checked.kind !== 'folder') seen.add(path);
        yield { ...checked, content: entry as unknown as EntryContent };
      }
    }
    entry.resume();
  }
}

/** What the archive says of an entry, each of which may be missing. */
interface Claims {
  readonly name: string;
  readonly type?: string | null;
  readonly size?: number;
  readonly mode?: number;
  readonly mtime?: Date;
  readonly linkname?: string | null;
  readonly pax?: unknown;
}

function check(claims: Claims, roomBytes: number): Omit<CheckedEntry, 'content'> | string {
  const { name, type, size = 0, linkname, mode = 0, mtime, pax } = claims;
  const kind = kinds[type ?? ''];
  // Its content is a map of the holes and what lies between them: not the content of any file.
  if (Object.keys(pax ?? {}).some((key) => key.startsWith('GNU.sparse'))) return 'sparse';
  if (kind === undefined) return type === 'link' ? 'hard-link' : 'kind';
  const names = namesOf(name);
  if (typeof names === 'string') return names;
  const target = kind === 'link' ? (linkname ?? '') : '';
  if (kind === 'link' && !staysWithin(names, target)) return 'link-out';
  if (kind === 'file' && size > roomBytes) return 'size';
  const mtimeMs = mtime?.getTime() ?? 0;
  return { names, kind, mode: mode & 0o777, mtimeMs: Number.isFinite(mtimeMs) ? mtimeMs : 0, sizeBytes: size, target };
}

function shortened(name: string): string {
  const path = name.replace(/^(?:\.\/)+/, '');
  return path.length > 400 ? `${path.slice(0, 400)}…` : path;
}
