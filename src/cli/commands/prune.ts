import { pruneText } from '../../session/prune-report.js';
import { App } from '../app.js';
import { type CliCommand, isSet } from '../command.js';
import { report } from '../output.js';
import { pruneHere } from '../prune-here.js';
import { settingsOf } from '../settings.js';

export const prune: CliCommand = {
  name: 'prune',
  usage: 'prune [--dry-run]',
  summary: 'removes sessions that have expired or lost their owner',
  options: { 'dry-run': { type: 'boolean', help: 'say what would be removed, and remove nothing' } },
  async run(context) {
    await using app = new App(await settingsOf(context), context.env);
    const result = await pruneHere(app, { isDryRun: isSet(context, 'dry-run'), signal: context.signal });
    await report(context, result, pruneText(result));
    return 0;
  },
};
