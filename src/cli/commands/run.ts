import { Disposables } from '../../kit/disposables.js';
import { App } from '../app.js';
import { type CliCommand, isSet } from '../command.js';
import { report, write } from '../output.js';
import { whileShown } from '../progress-line.js';
import { reapBeside } from '../prune-here.js';
import { changesLine, changesOfRun } from '../run-changes.js';
import { settingsOf } from '../settings.js';
import { tellQuestions } from '../tell-questions.js';
import { execOptions, execRequestOf, notEnforced, requireCommand, runThrough, sayEnd, startIn } from './command-io.js';
import { requestOptions, startOf } from './request.js';

export const run: CliCommand = {
  name: 'run',
  usage: 'run [--project DIR] [OPTIONS] -- CMD…',
  summary: 'one command in a fresh sandbox; its exit code is ours',
  options: {
    ...requestOptions,
    ...execOptions,
    keep: { type: 'boolean', help: 'keep what the command has changed in a cow workspace, to be reviewed and applied' },
  },
  passesExitCode: true,
  async run(context) {
    requireCommand(context);
    await using app = new App(await settingsOf(context), context.env);
    await using beside = new Disposables();
    beside.use(reapBeside(app, context.signal));
    const sessions = await app.sessions('attached');
    const { request, origin } = await startOf(context, app);
    const session = await whileShown(context.terminal, 'copying: ', (onProgress) =>
      sessions.create(toRun(request, isSet(context, 'keep')), context.signal, { origin, onProgress }),
    );
    tellQuestions(context, session);
    const { spec, evidence } = session.sandbox.handle;
    const weak = notEnforced(evidence.controls);
    if (weak !== undefined && !context.json) await write(context.terminal.stderr, `paddock: ${weak}\n`);
    const { notes } = session;
    if (!context.json) for (const note of notes) await write(context.terminal.stderr, `paddock: ${note}\n`);
    const result = await runThrough(context, startIn(session, execRequestOf(context, spec, app.config.sitePolicy)));
    const changes = await changesOfRun(app, session, context.signal);
    await sessions.destroy(session.id);
    if (context.json) {
      const { stdout, stderr, ...rest } = result;
      const { controls: enforcement } = evidence;
      await report(context, { sessionId: session.id, ...rest, stdout, stderr, changes, enforcement, notes }, '');
    }
    const isKept = session.record.spec.keepChangesMs !== 0;
    const line = changes === undefined ? undefined : changesLine(changes, session.id, isKept);
    if (line !== undefined && !context.json) await write(context.terminal.stderr, `paddock: ${line}\n`);
    await sayEnd(context, result);
    return result.exitCode;
  },
};

/** What one command has changed is only kept where that is asked for. */
function toRun(request: Record<string, unknown>, isKept: boolean): Record<string, unknown> {
  return isKept || request['keepChanges'] !== undefined ? request : { ...request, keepChanges: false };
}
