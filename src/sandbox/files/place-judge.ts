import { codeOf } from '../../kit/error-code.js';
import type { OpenFolder } from '../../kit/open-folder.js';
import type { JudgedContent } from '../../workspace/apply/content-judge.js';
import { smallContent } from '../../workspace/apply/read-content.js';
import type { CheckedEntry } from './checked-entries.js';

/** Says what of a copy is withheld from the host, by where it goes (docs/withheld.md): a rule's id, or undefined. Paths are relative to the copy, `.` for its top. */
export interface PlaceJudge {
  place(entry: {
    readonly path: string;
    readonly kind: CheckedEntry['kind'];
    readonly target: string;
  }): string | undefined;
  /** Whether it wants to see what is in the file. */
  concerns(path: string): boolean;
  content(path: string, before: JudgedContent, after: JudgedContent): string | undefined;
}

/** Larger ones are not looked into. */
const mostBytes = 1024 ** 2;

/** What is in a file, for it to be judged. */
export async function judgedContent(folder: OpenFolder, name: string): Promise<JudgedContent> {
  try {
    return (await smallContent(folder, name, mostBytes)) ?? 'unknown';
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? 'none' : 'unknown';
  }
}
