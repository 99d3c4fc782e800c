import { applyRequestSchema } from '../../policy/change-requests.js';
import { applyText } from '../../session/changes/apply-report.js';
import { App } from '../app.js';
import { type CliCommand, type CommandContext, isSet, text, texts } from '../command.js';
import { report } from '../output.js';
import { sessionChanges } from '../session-changes.js';
import { settingsOf } from '../settings.js';
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
    reviewed: { type: 'string', help: 'fingerprint of a review: apply nothing if anything has changed since' },
  },
  async run(context) {
    const [id, ...paths] = context.positionals;
    const sessionId = oneId(id === undefined ? [] : [id]);
    const request = parseRequest(applyRequestSchema, asked(context, paths));
    await using app = new App(await settingsOf(context), context.env);
    const done = await (await sessionChanges(app, context.env)).apply(sessionId, request, context.signal);
    await report(context, done, applyText(done, Number.POSITIVE_INFINITY));
    return 0;
  },
};

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
