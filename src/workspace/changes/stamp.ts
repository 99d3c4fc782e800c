import { constants } from 'node:fs';
import type { Entry } from './change.js';

const { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } = constants;

/** What the kernel says of an entry; `mode` with its type. */
export interface EntryFacts {
  readonly mode: bigint;
  readonly size: bigint;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

export function typeOf({ mode }: Pick<EntryFacts, 'mode'>): Entry['type'] {
  const type = Number(mode) & S_IFMT;
  if (type === S_IFDIR) return 'folder';
  if (type === S_IFREG) return 'file';
  return type === S_IFLNK ? 'link' : 'other';
}

/** The stamp of an Entry. */
export function stampOf(facts: EntryFacts): string {
  const { mode, size, dev, ino, mtimeNs, ctimeNs } = facts;
  const identity = [mode.toString(8), dev, ino];
  return (typeOf(facts) === 'folder' ? identity : [...identity, size, mtimeNs, ctimeNs]).join('.');
}

/** `target`: the bytes of a link's. */
export function entryOf(facts: EntryFacts, stamp = stampOf(facts), target?: Buffer): Entry {
  const type = typeOf(facts);
  const text = target === undefined ? undefined : textOf(target);
  return {
    type,
    mode: Number(facts.mode) & 0o7777,
    sizeBytes: type === 'file' ? Number(facts.size) : 0,
    ...(type === 'link' && text !== undefined ? { target: text } : {}),
    stamp,
  };
}

/** Undefined for bytes that are no UTF-8. */
export function textOf(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : undefined;
}
