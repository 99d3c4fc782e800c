import type { SessionId } from '../../core/ids.js';
import { Disposables } from '../../kit/disposables.js';
import { execInHeld, HolderGone } from '../../session/control/client.js';
import { type SessionRecord, specOf } from '../../session/record.js';
import { endWarning } from '../../session/time-text.js';
import { App } from '../app.js';
import type { CliCommand } from '../command.js';
import { afterLoss, holderOf } from '../holder.js';
import { report, write } from '../output.js';
import { reapBeside } from '../prune-here.js';
import { settingsOf } from '../settings.js';
import { tellWaiting } from '../tell-questions.js';
import { execOptions, execRequestOf, rawRequestOf, requireCommand, runThrough, sayEnd, startIn } from './command-io.js';
import { adopt, oneId, recordOf } from './detached.js';

export const exec: CliCommand = {
  name: 'exec',
  usage: 'exec [-t] ID [OPTIONS] -- CMD…',
  summary: 'a command in a running session, also one that an assistant is using; its exit code is ours',
  mostPositionals: 1,
  options: execOptions,
  passesExitCode: true,
  async run(context) {
    requireCommand(context);
    const id = oneId(context.positionals);
    await using app = new App(await settingsOf(context), context.env);
    await using after = new Disposables();
    // Afterwards, so that a session that is just over is told as ended and not as unknown.
    after.defer(() => reapBeside(app, context.signal)[Symbol.asyncDispose]());
    const record = await recordOf(app, id);
    // Judged here too, so that a bad request is refused before any process is started for it.
    const request = execRequestOf(context, specOf(record), app.config.sitePolicy);
    const socket = await holderOf(app, record, context);
    const result = await runThrough(context, async (options) => {
      if (socket !== undefined) {
        const onAsked = () => tellWaiting(context, record.id);
        return execInHeld(socket, rawRequestOf(context), { ...options, onAsked });
      }
      return startIn(await adopt(app, record), request)(options);
    }).catch(async (thrown: unknown) => {
      throw thrown instanceof HolderGone ? await afterLoss(record, thrown) : thrown;
    });
    const warning = await warningOf(app, record);
    const warned = warning === undefined ? {} : { warning };
    if (context.json) await report(context, { sessionId: record.id, ...result, ...warned }, '');
    await sayEnd(context, result);
    if (warning !== undefined && result.reason !== 'session-ended') {
      await write(context.terminal.stderr, `paddock: ${warning}\n`);
    }
    return result.exitCode;
  },
};

/** What is left of the session; it may have been given more time while the command ran. */
async function warningOf(app: App, record: SessionRecord): Promise<string | undefined> {
  const { deadlineAtMs } = (await app.store.load(record.id as SessionId)) ?? record;
  return endWarning({ endsInMs: Math.max(0, deadlineAtMs - Date.now()) });
}
