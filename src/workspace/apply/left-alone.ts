import { codeOf } from '../../kit/error-code.js';
import { NotAsExpected } from '../../kit/open-folder.js';
import type { Conflict, Withheld } from './result.js';

/** A change that is left alone, thrown where that is found out. */
export class LeftAlone extends Error {
  override readonly name = 'LeftAlone';
  readonly why: Conflict | Withheld;
  readonly keptAs: string | undefined;

  constructor(why: Conflict | Withheld, options: { readonly cause?: unknown; readonly keptAs?: string } = {}) {
    super(typeof why === 'string' ? why : why.rule, options.cause === undefined ? {} : { cause: options.cause });
    this.why = why;
    this.keptAs = options.keptAs;
  }
}

/** Why the kernel did not let us, where it is a matter of that one entry; everything else is thrown on. */
export function leftAlone(error: unknown, side: 'session' | 'project'): LeftAlone {
  if (error instanceof LeftAlone) return error;
  const code = codeOf(error);
  const isOther = error instanceof NotAsExpected;
  if (side === 'session') {
    if (isOther || code === 'ENOENT' || code === 'EINVAL') return new LeftAlone('changed-inside', { cause: error });
    if (code === 'EACCES' || code === 'EPERM') return new LeftAlone('unreadable', { cause: error });
  } else {
    if (isOther || code === 'ENOENT' || code === 'ENOTDIR') return new LeftAlone('parent', { cause: error });
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENAMETOOLONG') {
      return new LeftAlone('unwritable', { cause: error });
    }
  }
  throw error;
}
