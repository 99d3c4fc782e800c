import type { SessionId } from '../../core/ids.js';
import { safeText } from '../../kit/safe-text.js';
import { readSessionLog } from '../../session/session-log.js';
import { App } from '../app.js';
import type { CliCommand } from '../command.js';
import { report } from '../output.js';
import { settingsOf } from '../settings.js';
import { oneId, recordOf } from './detached.js';

const mostBytes = 2 * 1024 * 1024;

export const logs: CliCommand = {
  name: 'logs',
  usage: 'logs ID',
  summary: 'what the commands of a session printed (the last 2 MiB, control characters escaped)',
  mostPositionals: 1,
  options: {},
  async run(context) {
    await using app = new App(await settingsOf(context), context.env);
    const record = await recordOf(app, oneId(context.positionals));
    const { text, cut } = await readSessionLog(app.store.logPath(record.id as SessionId), mostBytes);
    const safe = safeText(text.replaceAll('\r\n', '\n'), Number.POSITIVE_INFINITY);
    await report(context, { sessionId: record.id, log: safe, cut }, safe.trimEnd());
    return 0;
  },
};
