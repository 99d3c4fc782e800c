import { structuredPatch } from 'diff';
import { OpenFolder } from '../../kit/open-folder.js';
import { safeText } from '../../kit/safe-text.js';
import type { Change, Entry } from './change.js';
import { type NotShown, notShown, textAt } from './file-text.js';
import type { Layer } from './layer.js';

/** Files that differ in more lines than this take longer than a tenth of a second, in which nothing else happens; nobody reads that much. */
const maxEditLength = 2000;
/** In milliseconds, on a machine that is too busy for that. */
const timeout = 1000;
/** Of one line; minified files have lines of megabytes. */
const mostLineChars = 400;

/** Why no difference is shown where there is one. */
export const notCompared = {
  ...notShown,
  'too-different': 'the two versions differ too much to be compared line by line',
  'no-text': 'it is no file, or its content is the same',
} as const;

/** The difference of one file, as `diff -u` writes it and safe to be printed: each line for itself, without line breaks. */
export type FileDiff =
  | { readonly lines: readonly string[]; readonly addedLines: number; readonly removedLines: number }
  | { readonly because: keyof typeof notCompared };

/** Compares what is in changed files. Opens both sides; whoever makes one disposes of it. */
export class Differ implements AsyncDisposable {
  readonly #upper: OpenFolder;
  readonly #project: OpenFolder;

  private constructor(upper: OpenFolder, project: OpenFolder) {
    this.#upper = upper;
    this.#project = project;
  }

  static async open({ upper, project }: Layer): Promise<Differ> {
    const first = await OpenFolder.at(upper);
    try {
      return new Differ(first, await OpenFolder.at(project.source));
    } catch (error) {
      await first[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What was reviewed and nothing newer: a file that has changed since is said to have. */
  async diffOf(change: Change): Promise<FileDiff> {
    const { path, from = path, before, after, kind, refused } = change;
    const isFile = [before, after].some((side) => side?.type === 'file');
    if (!isFile || kind === 'mode' || kind === 'renamed') return { because: 'no-text' };
    if (refused === 'name' || refused === 'unreadable') return { because: 'unreadable' };
    const old = await sideOf(this.#project, from, before);
    const fresh = await sideOf(this.#upper, path, after);
    if (typeof old === 'string') return { because: old };
    if (typeof fresh === 'string') return { because: fresh };
    return compared(change, old.text, fresh.text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#upper[Symbol.asyncDispose]();
    await this.#project[Symbol.asyncDispose]();
  }
}

function sideOf(top: OpenFolder, path: string, entry: Entry | undefined): Promise<{ text: string } | NotShown> {
  if (entry?.type !== 'file') return Promise.resolve({ text: '' });
  return textAt(top, path, entry);
}

function compared({ path, before, after }: Change, old: string, fresh: string): FileDiff {
  const names = [before, after].map((side, i) => (side?.type === 'file' ? `${'ab'[i]}/${path}` : '/dev/null'));
  const options = { context: 3, timeout, maxEditLength };
  const patch = structuredPatch(names[0] ?? '', names[1] ?? '', old, fresh, undefined, undefined, options);
  if (patch === undefined) return { because: 'too-different' };
  const body = patch.hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines }) => [
    `@@ -${range(oldStart, oldLines)} +${range(newStart, newLines)} @@`,
    ...lines.map(safeDiffLine),
  ]);
  const count = (mark: string) => body.filter((line) => line.startsWith(mark)).length;
  const heads = [`--- ${names[0]}`, `+++ ${names[1]}`].map(safeDiffLine);
  return { lines: [...heads, ...body], addedLines: count('+'), removedLines: count('-') };
}

/** Where there are no lines, `diff` names the one before. */
function range(start: number, lines: number): string {
  return `${lines === 0 ? start - 1 : start},${lines}`;
}

/** A carriage return that ends a line is shown like any other: it is a difference that is not seen otherwise. */
function safeDiffLine(line: string): string {
  const rest = line.length - mostLineChars;
  const cut = rest > 0 ? `${line.slice(0, mostLineChars)} [… ${rest} more characters]` : line;
  return safeText(cut, Number.POSITIVE_INFINITY).replace(/[\u{2028}\u{2029}]/gu, (c) =>
    c === '\u{2028}' ? '\\u{2028}' : '\\u{2029}',
  );
}
