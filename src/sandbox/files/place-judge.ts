import type { JudgedContent } from '../../workspace/apply/content-judge.js';
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
