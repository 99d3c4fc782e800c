import { type FileDiff, notCompared } from '../../workspace/changes/diff.js';

/** Why no difference is shown, in words. */
export function diffNote({ because }: Extract<FileDiff, { because: unknown }>): string {
  return notCompared[because];
}
