import { discardRequestSchema } from '../../policy/change-requests.js';
import { discardText } from '../../session/changes/discard-layer.js';
import { App } from '../app.js';
import { type CliCommand, isSet, text } from '../command.js';
import { report } from '../output.js';
import { sessionChanges } from '../session-changes.js';
import { settingsOf } from '../settings.js';
import { oneId } from './detached.js';
import { parseRequest } from './parse-request.js';

export const discard: CliCommand = {
  name: 'discard',
  usage: 'discard ID [PATH…] [OPTIONS]',
  summary: 'gives up what a session has changed beside its project',
  mostPositionals: Number.POSITIVE_INFINITY,
  options: {
    'dry-run': { type: 'boolean', help: 'only say what would be done' },
    reviewed: { type: 'string', help: 'fingerprint of a review: discard nothing if anything has changed since' },
  },
  async run(context) {
    const [id, ...paths] = context.positionals;
    const sessionId = oneId(id === undefined ? [] : [id]);
    const reviewed = text(context, 'reviewed');
    const request = parseRequest(discardRequestSchema, {
      ...(paths.length === 0 ? {} : { paths }),
      ...(reviewed === undefined ? {} : { reviewed }),
      dry_run: isSet(context, 'dry-run'),
    });
    await using app = new App(await settingsOf(context), context.env);
    const done = await (await sessionChanges(app, context.env)).discard(sessionId, request, context.signal);
    await report(context, done, discardText(done, Number.POSITIVE_INFINITY));
    return 0;
  },
};
