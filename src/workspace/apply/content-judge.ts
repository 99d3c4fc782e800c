import { codeOf } from '../../kit/error-code.js';
import type { OpenFolder } from '../../kit/open-folder.js';
import type { Change } from '../changes/change.js';
import type { Sides } from './check.js';
import { LeftAlone } from './left-alone.js';
import { smallContent } from './read-content.js';
import type { Withheld } from './result.js';
import { inFolder } from './seen.js';
import type { Inspect } from './stage.js';

/** Larger ones are not looked into. */
const mostBytes = 1024 ** 2;

/** `unknown`: it is there, but is no small file. */
export type JudgedContent = Uint8Array | 'none' | 'unknown';

/** Says of files whose content decides whether they are withheld. */
export interface ContentJudge {
  /** Whether it wants to see what is in the file at that path, on both sides. */
  concerns(path: string): boolean;
  /** Undefined: nothing is against it. */
  judge(path: string, before: JudgedContent, after: JudgedContent): Withheld | undefined;
}

/** Judges a change as it is now; undefined: nothing is against it. */
export async function contentVerdict(
  { path, from, kind, after }: Change,
  { project, upper }: Pick<Sides, 'project' | 'upper'>,
  judge: ContentJudge,
): Promise<Withheld | undefined> {
  if (kind === 'mode') return undefined;
  if (from !== undefined && judge.concerns(from)) {
    const gone = judge.judge(from, await contentAt(project, from), 'none');
    if (gone !== undefined) return gone;
  }
  if (!judge.concerns(path)) return undefined;
  const next = after === undefined ? 'none' : await contentAt(upper, path);
  return judge.judge(path, await contentAt(project, path), next === 'none' && after !== undefined ? 'unknown' : next);
}

/** The same, for what is to be applied. Errors: LeftAlone. */
export async function judgeContent(change: Change, sides: Sides, judge: ContentJudge): Promise<void> {
  hold(await contentVerdict(change, sides, judge));
}

/** Judges once more what is about to be put, since the session could have written to its own meanwhile. */
export function judgeStaged(project: OpenFolder, judge: ContentJudge): Inspect {
  return async ({ path }, at, temp) => {
    if (!judge.concerns(path)) return;
    hold(judge.judge(path, await contentAt(project, path), await contentIn(at, temp)));
  };
}

function hold(withheld: Withheld | undefined): void {
  if (withheld !== undefined) throw new LeftAlone(withheld);
}

async function contentAt(top: OpenFolder, path: string): Promise<JudgedContent> {
  try {
    return await inFolder(top, path, contentIn);
  } catch (error) {
    return isMissing(error) ? 'none' : 'unknown';
  }
}

/** What is in the file of that name, for it to be judged. */
export async function contentIn(folder: OpenFolder, name: string): Promise<JudgedContent> {
  try {
    return (await smallContent(folder, name, mostBytes)) ?? 'unknown';
  } catch (error) {
    return isMissing(error) ? 'none' : 'unknown';
  }
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '');
}
