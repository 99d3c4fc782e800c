import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isInside } from '../kit/path-containment.js';

/** Folders below which projects may lie, and by whom they were named. */
export interface RootsContext {
  /** As they were written. */
  readonly allowedRoots: readonly string[];
  /** Those of them that were given to somebody by the name they had with links resolved. */
  readonly fixedRoots?: readonly string[];
  readonly homeDir: string;
}

/** A root that allows something: as it was written, and where it lies. */
export interface RootNow {
  readonly written: string;
  readonly real: string;
}

/**
 * Where the roots lie now. A folder on the way to a root may be in a project that another session writes, which could put a link there and so name
 * any folder of the host a root. So a fixed root that lies elsewhere by now allows nothing, and neither does one below another root: that one allows
 * what is really there. Home itself is in no project. A root that does not exist allows nothing. That another _folder_ lies there is not looked at: who
 * can exchange it could have written in it, and its number is another one after a restore, too.
 */
export async function rootsNow({ allowedRoots, fixedRoots = [], homeDir }: RootsContext): Promise<readonly RootNow[]> {
  const isBelowAnother = (root: string): boolean =>
    dirname(root) !== homeDir && allowedRoots.some((other) => other !== root && isInside(dirname(root), other));
  const found = await Promise.all(
    allowedRoots.map(async (written) => ({ written, real: await realpath(written).catch(() => undefined) })),
  );
  return found.flatMap(({ written, real }) => {
    if (real === undefined || isBelowAnother(written)) return [];
    return fixedRoots.includes(written) && real !== written ? [] : [{ written, real }];
  });
}
