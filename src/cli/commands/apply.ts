import { PaddockError } from '../../core/errors.js';
import { applyRequestSchema } from '../../policy/change-requests.js';
import { applyText, atShell } from '../../session/changes/apply-report.js';
import { summaryLines } from '../../session/changes/review-text.js';
import { App } from '../app.js';
import { type CliCommand, type CommandContext, isSet, text, texts } from '../command.js';
import { report, write } from '../output.js';
import { paintFor } from '../paint.js';
import { sessionChanges } from '../session-changes.js';
import { sessionReviews } from '../session-reviews.js';
import { settingsOf } from '../settings.js';
import { chooseByAsking } from './apply-dialogue.js';
import { oneId } from './detached.js';
import { parseRequest } from './parse-request.js';

export const apply: CliCommand = {
  name: 'apply',
  usage: 'apply ID [PATH…] [OPTIONS]',
  summary: 'writes what a session has changed beside its project into the project',
  mostPositionals: Number.POSITIVE_INFINITY,
  options: {
    all: { type: 'boolean', help: 'everything that is not withheld, and the paths that are named' },
    'dry-run': { type: 'boolean', help: 'only say what would be done' },
    overwrite: {
      type: 'string',
      multiple: true,
      help: "take the session's version of PATH although the project has changed; repeatable",
    },
    interactive: {
      type: 'boolean',
      short: 'i',
      help: 'show each change and ask; what is withheld is asked for one by one',
    },
    reviewed: { type: 'string', help: 'fingerprint of a review: apply nothing if anything has changed since' },
  },
  async run(context) {
    const [id, ...paths] = context.positionals;
    const sessionId = oneId(id === undefined ? [] : [id]);
    if (isSet(context, 'interactive')) refuseToAsk(context);
    const request = parseRequest(applyRequestSchema, asked(context, paths));
    await using app = new App(await settingsOf(context), context.env);
    const chosen = isSet(context, 'interactive') ? await chosenByAsking(context, app, sessionId, paths) : request;
    if (chosen === undefined) {
      await write(context.terminal.stdout, '\nnothing is applied\n');
      return 0;
    }
    const done = atShell(await (await sessionChanges(app, context.env)).apply(sessionId, chosen, context.signal));
    await report(context, done, applyText(done, Number.POSITIVE_INFINITY));
    return 0;
  },
};

/** Nobody is asked where nobody can see what it is about. Errors: BAD_ARGUMENT. */
function refuseToAsk(context: CommandContext): void {
  if (context.terminal.screen === undefined) throw new PaddockError('BAD_ARGUMENT', '--interactive takes a terminal');
  const other = ['all', 'overwrite', 'reviewed', 'json'].find((name) => context.values[name] !== undefined);
  if (other !== undefined) throw new PaddockError('BAD_ARGUMENT', `--interactive and --${other} do not go together`);
}

/** What somebody says yes to of what they are shown, and of which review that was; undefined: nothing at all. */
async function chosenByAsking(context: CommandContext, app: App, id: string, paths: readonly string[]) {
  const { terminal, signal } = context;
  await using open = await sessionReviews(app, context.env).open(id, paths, signal);
  const { summary, reviewed } = open.report;
  const show = (line: string) => write(terminal.stdout, line);
  await show(`${summaryLines(summary).join('\n')}\n`);
  const talk = { input: terminal.stdin, show, differ: open.differ, signal, paint: paintFor(context) };
  const exactly = await chooseByAsking(reviewed, talk);
  if (exactly === undefined || exactly.paths.length === 0) return undefined;
  return { exactly, reviewed: summary.fingerprint, dry_run: isSet(context, 'dry-run') };
}

function asked(context: CommandContext, paths: readonly string[]): Record<string, unknown> {
  const reviewed = text(context, 'reviewed');
  return {
    ...(paths.length === 0 ? {} : { paths }),
    ...(reviewed === undefined ? {} : { reviewed }),
    all: isSet(context, 'all'),
    dry_run: isSet(context, 'dry-run'),
    overwrite: texts(context, 'overwrite'),
  };
}
