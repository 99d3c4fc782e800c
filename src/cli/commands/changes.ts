import { PaddockError } from '../../core/errors.js';
import { diffNote } from '../../session/changes/diff-note.js';
import { itemLine, summaryLines } from '../../session/changes/review-text.js';
import type { OpenReview } from '../../session/changes/session-reviews.js';
import { App } from '../app.js';
import { type CliCommand, type CommandContext, isSet } from '../command.js';
import { report, write } from '../output.js';
import { paintFor } from '../paint.js';
import { sessionReviews } from '../session-reviews.js';
import { settingsOf } from '../settings.js';
import { listKept } from './kept-changes.js';

export const changes: CliCommand = {
  name: 'changes',
  usage: 'changes ID [PATH…] [--diff] | --all',
  summary: 'what a session with workspace cow has changed beside its project',
  mostPositionals: Number.POSITIVE_INFINITY,
  options: {
    diff: { type: 'boolean', help: 'with the differences of text files' },
    all: { type: 'boolean', help: 'which sessions have any, running or over, and how long they are kept' },
  },
  async run(context) {
    const [id, ...paths] = context.positionals;
    if (isSet(context, 'all') && id === undefined) return listKept(context);
    if (id === undefined || isSet(context, 'all'))
      throw new PaddockError('BAD_ARGUMENT', 'give a session id, and paths if not all is meant; or --all');
    await using app = new App(await settingsOf(context), context.env);
    await using open = await sessionReviews(app, context.env).open(id, paths, context.signal);
    if (context.json) await report(context, await documentOf(open, isSet(context, 'diff')), '');
    else await print(context, open);
    return 0;
  },
};

async function documentOf({ report: { summary, reviewed }, differ }: OpenReview, isDiff: boolean): Promise<object> {
  const diffs = [];
  for (const { item, change } of isDiff ? reviewed : []) {
    const diff = await differ.diffOf(change);
    const { path } = item;
    if ('because' in diff) diffs.push({ path, because: diffNote(diff) });
    else diffs.push({ ...diff, path, lines: undefined, text: diff.lines.join('\n') });
  }
  return { summary, changes: reviewed.map(({ item }) => item), ...(isDiff ? { diffs } : {}) };
}

async function print(context: CommandContext, { report: { summary, reviewed }, differ }: OpenReview): Promise<void> {
  const { stdout } = context.terminal;
  const paint = paintFor(context);
  const head = summaryLines(summary).map((line) => (line.startsWith('NOT') ? paint.alarm(line) : line));
  await write(stdout, `${head.join('\n')}\n`);
  for (const { item } of reviewed) await write(stdout, `${paint.item(itemLine(item))}\n`);
  for (const { item, change } of isSet(context, 'diff') ? reviewed : []) {
    context.signal.throwIfAborted();
    const diff = await differ.diffOf(change);
    if ('lines' in diff) await write(stdout, `\n${diff.lines.map(paint.diff).join('\n')}\n`);
    else if (diff.because !== 'no-text') await write(stdout, `\n${itemLine(item)}\n  ${diffNote(diff)}\n`);
  }
}
