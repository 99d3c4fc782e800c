import { lstatSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';

const [othersWrite, sticky] = [0o002, 0o1000];

/**
 * Whether nobody but root and the caller decides what is in a folder: it and those above it are owned by one of them, or by whom `/` belongs to,
 * and are not for everybody to write. One above it may be, where nobody can rename what is another's (the sticky bit). Writing by a
 * group is left to whoever made the group: folders of one's own are that where everybody has a group of his own. Of what is
 * not there yet the first folder that is counts. Links are looked at and not followed: where `path` has some, ask for what it leads to as well.
 */
export function isOwnFolder(path: string, callerUid: number): boolean {
  const top = statOf('/');
  const owners = [0, callerUid, ...(top === undefined ? [] : [top.uid])];
  let isLast = true;
  for (let folder = path; ; folder = dirname(folder)) {
    const found = statOf(folder);
    if (found !== undefined) {
      // A link is its owner's to change, whatever its mode says.
      const isOpen =
        !found.isSymbolicLink() && (found.mode & othersWrite) !== 0 && (isLast || (found.mode & sticky) === 0);
      if (isOpen || !owners.includes(found.uid)) return false;
      isLast = false;
    }
    if (folder === dirname(folder)) return !isLast;
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
