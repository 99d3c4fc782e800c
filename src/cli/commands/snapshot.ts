import { z } from 'zod';
import { snapshotFields } from '../../policy/snapshot-request.js';
import { snapshotText, viewSnapshot } from '../../tools/snapshot-view.js';
import { App } from '../app.js';
import { type CliCommand, text } from '../command.js';
import { report } from '../output.js';
import { whileShown } from '../progress-line.js';
import { sessionCopies } from '../session-copies.js';
import { settingsOf } from '../settings.js';
import { oneId } from './detached.js';
import { parseRequest } from './parse-request.js';

export const snapshot: CliCommand = {
  name: 'snapshot',
  usage: 'snapshot ID [--name NAME] [--keep 30d]',
  summary: 'keeps a copy of what a session has changed, to begin other sessions with',
  mostPositionals: 1,
  options: {
    name: { type: 'string', help: 'a name by which it can be used' },
    keep: { type: 'string', help: 'how long it is kept, such as 7d (default: 30d)' },
  },
  async run(context) {
    const id = oneId(context.positionals);
    const wish = parseRequest(z.strictObject(snapshotFields), {
      name: text(context, 'name'),
      keep: text(context, 'keep'),
    });
    await using app = new App(await settingsOf(context), context.env);
    const copies = await sessionCopies(app);
    const { name, keep: keepMs } = wish;
    const made = await whileShown(context.terminal, 'copying: ', (onProgress) =>
      copies.snapshot(id, { name, keepMs, signal: context.signal, onProgress }),
    );
    const view = viewSnapshot(made);
    await report(context, view, snapshotText(view));
    return 0;
  },
};
