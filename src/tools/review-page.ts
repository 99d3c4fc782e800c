import { createHash } from 'node:crypto';
import { z } from 'zod';
import { PaddockError } from '../core/errors.js';
import { diffNote } from '../session/changes/diff-note.js';
import type { ReviewItem } from '../session/changes/review-report.js';
import { itemLine, summaryLines } from '../session/changes/review-text.js';
import type { OpenReview } from '../session/changes/session-reviews.js';

/** Of text; what is said around it is short. */
const pageBytes = 7000;
/** Compared for one page. */
const mostDiffs = 20;

const cursorSchema = z.strictObject({ of: z.string(), at: z.int().min(0), line: z.int().min(0) });
type Cursor = z.output<typeof cursorSchema>;

export const diffSchema = z.object({
  path: z.string(),
  /** Unified; control characters escaped, endless lines cut. Absent where `because` says why. */
  text: z.string().optional(),
  because: z.string().optional(),
  addedLines: z.number().optional(),
  removedLines: z.number().optional(),
  /** Whether more of it is on the next page. */
  more: z.boolean(),
});
export type DiffView = z.output<typeof diffSchema>;

export interface Page {
  readonly items: readonly ReviewItem[];
  readonly diffs: readonly DiffView[];
  readonly lines: readonly string[];
  readonly nextCursor: string | undefined;
}

/** What a page is of: the same review, asked for in the same way. */
export function pageKey({ report }: OpenReview, paths: readonly string[], isDiff: boolean): string {
  const asked = JSON.stringify([report.summary.fingerprint, paths, isDiff]);
  return createHash('sha256').update(asked).digest('hex').slice(0, 16);
}

/** Errors: BAD_ARGUMENT, where the cursor is none of ours or of another review. */
export function readCursor(text: string | undefined, of: string): Cursor {
  if (text === undefined) return { of, at: 0, line: 0 };
  const parsed = cursorSchema.safeParse(jsonOf(text));
  if (parsed.success && parsed.data.of === of) return parsed.data;
  throw new PaddockError('BAD_ARGUMENT', 'the cursor is not of this review, or something has changed since', {
    hint: 'Call again without a cursor, with the same paths and diff for every page.',
  });
}

/** One page from a cursor on: first the list, then the differences. */
export async function pageFrom(open: OpenReview, cursor: Cursor, isDiff: boolean, signal: AbortSignal): Promise<Page> {
  const { reviewed, summary } = open.report;
  const page = new PageInProgress(cursor.at === 0 ? summaryLines(summary) : []);
  let { at } = cursor;
  for (; at < reviewed.length; at += 1) {
    const one = reviewed[at];
    if (one === undefined || !page.addItem(one.item)) return page.done({ ...cursor, at, line: 0 });
  }
  const files = isDiff ? reviewed.filter(({ change, item }) => item.below === undefined && hasContent(change)) : [];
  let { line } = cursor;
  for (; at < reviewed.length + files.length; at += 1) {
    signal.throwIfAborted();
    const one = files[at - reviewed.length];
    if (one === undefined || page.diffs.length === mostDiffs) return page.done({ ...cursor, at, line });
    const reached = page.addDiff(one.item.path, await open.differ.diffOf(one.change), line);
    if (reached !== undefined) return page.done({ ...cursor, at, line: reached });
    line = 0;
  }
  return page.done(undefined);
}

function hasContent({ kind, before, after }: OpenReview['report']['reviewed'][number]['change']): boolean {
  return kind !== 'mode' && kind !== 'renamed' && (before?.type === 'file' || after?.type === 'file');
}

class PageInProgress {
  readonly items: ReviewItem[] = [];
  readonly diffs: DiffView[] = [];
  readonly #lines: string[];
  readonly #headLines: number;
  #bytes: number;

  constructor(lines: readonly string[]) {
    this.#lines = [...lines];
    this.#headLines = lines.length;
    this.#bytes = Buffer.byteLength(lines.join('\n'));
  }

  addItem(item: ReviewItem): boolean {
    if (!this.#add(itemLine(item))) return false;
    this.items.push(item);
    return true;
  }

  /** The line at which to go on; undefined when all of it is there. */
  addDiff(path: string, diff: Awaited<ReturnType<OpenReview['differ']['diffOf']>>, from: number): number | undefined {
    if ('because' in diff) {
      const because = diffNote(diff);
      if (!this.#add(`${itemPath(path)}: no difference is shown: ${because}`)) return from;
      this.diffs.push({ path, because, more: false });
      return undefined;
    }
    let to = from;
    for (; to < diff.lines.length; to += 1) if (!this.#add(diff.lines[to] ?? '')) break;
    const more = to < diff.lines.length;
    const { addedLines, removedLines } = diff;
    if (to > from)
      this.diffs.push({ path, text: diff.lines.slice(from, to).join('\n'), addedLines, removedLines, more });
    return more ? to : undefined;
  }

  done(cursor: Cursor | undefined): Page {
    const nextCursor = cursor === undefined ? undefined : Buffer.from(JSON.stringify(cursor)).toString('base64url');
    return { items: this.items, diffs: this.diffs, lines: this.#lines, nextCursor };
  }

  /** Never nothing: whoever pages has to get on. */
  #add(line: string): boolean {
    const bytes = Buffer.byteLength(line) + 1;
    if (this.#bytes + bytes > pageBytes && this.#lines.length > this.#headLines) return false;
    this.#bytes += bytes;
    this.#lines.push(line);
    return true;
  }
}

function itemPath(path: string): string {
  return itemLine({ path, kind: 'modified' }).slice(2);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
