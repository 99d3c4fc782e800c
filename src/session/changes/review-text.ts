import { countOf } from '../../kit/count-of.js';
import { safeLine } from '../../kit/safe-text.js';
import type { ReviewItem, ReviewSummary } from './review-report.js';

const marks = { added: 'A', modified: 'M', deleted: 'D', renamed: 'R', mode: 'P' } as const;
/** Once it is safe to show: a page of a tool's result has room for a few at their longest. */
const mostPathChars = 300;
const mostOwnPathChars = 100;
const mostRepositories = 2;
const mostNotable = 3;

/** What a review comes to, for people and models: a few lines. */
export function summaryLines(summary: ReviewSummary): readonly string[] {
  const { counts, writtenBytes, refused, withheld, git, gitOwn, gitOwnCount, incompleteBecause } = summary;
  const { total, ...byKind } = counts;
  const kinds = Object.entries(byKind).flatMap(([kind, count]) =>
    count === 0 ? [] : [`${String(count)} ${named(kind)}`],
  );
  const held = [
    ...(refused > 0 ? [`${refused} can not be applied`] : []),
    ...(withheld > 0 ? [`${withheld} applied only where named, since the host would run or trust them`] : []),
  ];
  return [
    total === 0
      ? 'no changes'
      : `${countOf(total, 'change')}: ${kinds.join(', ')}; ${countOf(writtenBytes, 'byte')} written`,
    ...(held.length > 0 ? [held.join('; ')] : []),
    ...(total === 0 ? [] : ['unknown' in git ? `git: ${git.unknown}` : `git: ${gitText(git)}`]),
    ...gitOwn.slice(0, mostRepositories).map(ownText),
    ...(gitOwnCount > mostRepositories ? [`… and ${gitOwnCount - mostRepositories} more repositories' own files`] : []),
    ...incompleteBecause.map((reason) => `NOT COMPLETE: ${reason}`),
    `fingerprint ${summary.fingerprint}`,
  ];
}

function named(kind: string): string {
  return kind === 'mode' ? 'with other permissions' : kind;
}

function gitText({ tracked, untracked, ignored }: { tracked: number; untracked: number; ignored: number }): string {
  return `${tracked} tracked, ${untracked} untracked, ${ignored} ignored`;
}

function ownText({ path, count, notable, notableCount }: ReviewSummary['gitOwn'][number]): string {
  const shown = notable
    .slice(0, mostNotable)
    .map((one) => `${named(one.kind)} ${shownPath(one.path, mostOwnPathChars)}`);
  const more = notableCount > shown.length ? ` and ${notableCount - shown.length} more` : '';
  const list = shown.length === 0 ? 'no hooks, settings or refs' : `${shown.join(', ')}${more}`;
  return `${shownPath(path, mostOwnPathChars)}: ${countOf(count, 'change')} of git's own, not listed: ${list}`;
}

/** One change on one line. */
export function itemLine(item: ReviewItem): string {
  const { path, kind, from, after, before, git, refused, withheld, withheldFor = [], below } = item;
  const side = after ?? before;
  const slash = side?.type === 'folder' ? '/' : '';
  const was = from === undefined ? '' : ` from ${shownPath(from)}`;
  const notes = [
    ...(before !== undefined && after !== undefined && before.type !== after.type
      ? [`${before.type} → ${after.type}`]
      : []),
    ...(side?.type === 'other' ? ['no file, folder or link'] : []),
    ...(after?.target === undefined ? [] : [`→ ${shownPath(after.target)}`]),
    ...(before !== undefined && after !== undefined && before.mode !== after.mode
      ? [`${before.mode} → ${after.mode}`]
      : []),
    ...(side?.type === 'file'
      ? [sizeText(before?.type === 'file' ? before.sizeBytes : undefined, after?.sizeBytes)]
      : []),
    ...(below === undefined || below.count === 0 ? [] : [`with ${below.count} more below it`]),
    ...(below === undefined || below.heldBack === 0 ? [] : [`${below.heldBack} of them refused or withheld`]),
    ...(git === undefined || git === 'tracked' ? [] : [git]),
    ...(refused === undefined ? [] : [`REFUSED: ${refused}`]),
    ...(withheld === undefined
      ? []
      : [`WITHHELD: ${[withheld, ...(withheldFor.length === 0 ? [] : [`for ${withheldFor.join(', ')}`])].join(' ')}`]),
  ];
  return `${marks[kind]} ${shownPath(path)}${slash}${was}${notes.length === 0 ? '' : `  (${notes.join(', ')})`}`;
}

function sizeText(before: number | undefined, after: number | undefined): string {
  if (before === undefined || after === undefined || before === after) return `${after ?? before ?? 0} bytes`;
  return `${before} → ${after} bytes`;
}

function shownPath(path: string, mostChars = mostPathChars): string {
  const safe = safeLine(path, Number.POSITIVE_INFINITY);
  return safe.length > mostChars ? `${safe.slice(0, mostChars)}…` : safe;
}
