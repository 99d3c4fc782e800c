/** What one transfer takes, either way; the rest is left out, and said. */
export interface TransferBounds {
  readonly entries: number;
  /** Of content, by the sizes that files have, not by what of them is on a disk: holes count. */
  readonly bytes: number;
}

/** Below what policy lets a command print at most, with room for the headers of so many entries. */
export const mostOfTransfer: TransferBounds = { entries: 200_000, bytes: 3.5 * 1024 ** 3 };

export const nameBounds = { depth: 64, nameBytes: 255, pathBytes: 4000 } as const;

/** The names of a path of an archive; a word for why it can't be used. `.` and empty ones are left away, as tar means them. */
export function namesOf(path: string): readonly string[] | string {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  if (path.startsWith('/') || names.includes('..')) return 'leads-out';
  if (!isWithinBounds(names)) return 'depth';
  return names.every(isPlainName) ? names : 'name';
}

export function isWithinBounds(names: readonly string[]): boolean {
  return names.length <= nameBounds.depth && Buffer.byteLength(names.join('/')) <= nameBounds.pathBytes;
}

/** Text, without what a terminal or a reader would act on, and no longer than a file system takes. */
export function isPlainName(name: string): boolean {
  return !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u{fffd}]/u.test(name) && Buffer.byteLength(name) <= nameBounds.nameBytes;
}

/**
 * Whether a link at that place leads to something within what is copied. Its way up comes first and ends there: behind a name, `..`
 * would lead up from wherever that name leads, if it is a link itself.
 */
export function staysWithin(names: readonly string[], target: string): boolean {
  if (target.startsWith('/') || target === '' || Buffer.byteLength(target) > nameBounds.pathBytes) return false;
  const parts = target.split('/').filter((part) => part !== '' && part !== '.');
  const ups = parts.findIndex((part) => part !== '..');
  const below = ups < 0 ? [] : parts.slice(ups);
  return (ups < 0 ? parts.length : ups) < names.length && below.every((part) => part !== '..' && isPlainName(part));
}
