import type { BigIntStats } from 'node:fs';
import { z } from 'zod';
import type { OpenFolder } from '../../kit/open-folder.js';

const whole = z.string().regex(/^-?\d{1,24}$/);

/** An entry as it was found, so that another one, or the same one changed, is told from it. */
export const seenSchema = z.strictObject({
  type: z.enum(['file', 'folder', 'link', 'other']),
  dev: whole,
  ino: whole,
  mode: z.int().min(0).max(0o7777),
  size: whole,
  mtimeNs: whole,
  ctimeNs: whole,
});
export type Seen = z.output<typeof seenSchema>;

export function seen(stat: BigIntStats): Seen {
  const type = stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : stat.isSymbolicLink() ? 'link' : 'other';
  const mode = Number(stat.mode & 0o7777n);
  const text = { dev: String(stat.dev), ino: String(stat.ino), size: String(stat.size) };
  return { type, mode, ...text, mtimeNs: String(stat.mtimeNs), ctimeNs: String(stat.ctimeNs) };
}

/** Whether nothing has happened to it. A folder's size and times go with what is in it, which is looked at by itself. */
export function isSame(found: BigIntStats, before: Seen): boolean {
  if (before.type === 'folder') return found.isDirectory() && isEntry(found, before);
  return isUnwritten(found, before) && String(found.ctimeNs) === before.ctimeNs;
}

/** The same, of something that was given another place meanwhile: that alone sets its ctime. */
export function isUnwritten(found: BigIntStats, before: Seen): boolean {
  const now = seen(found);
  return (
    isEntry(found, before) &&
    now.type === before.type &&
    now.mode === before.mode &&
    now.size === before.size &&
    now.mtimeNs === before.mtimeNs
  );
}

/** Whether it is that very entry, whatever has been done to it. */
export function isEntry(found: BigIntStats, before: Pick<Seen, 'dev' | 'ino'>): boolean {
  return String(found.dev) === before.dev && String(found.ino) === before.ino;
}

/** One text for it, to look it up by. */
export function keyOf({ type, dev, ino, mode, size, mtimeNs, ctimeNs }: Seen): string {
  return [type, dev, ino, mode, size, mtimeNs, ctimeNs].join(' ');
}

/** The folder that a path lies in, and its last name: `a/b/c` is `['a', 'b']` and `c`. */
export function place(path: string): { readonly folder: readonly string[]; readonly name: string } {
  const names = path.split('/');
  return { folder: names.slice(0, -1), name: names.at(-1) ?? '' };
}

/** Runs with the folder in which a path lies, which is closed afterwards. */
export async function inFolder<T>(
  top: OpenFolder,
  path: string,
  run: (folder: OpenFolder, name: string) => Promise<T>,
): Promise<T> {
  const { folder, name } = place(path);
  await using parent = await top.down(folder);
  return await run(parent, name);
}
