import { App } from '../app.js';
import type { CliCommand } from '../command.js';
import { report, write } from '../output.js';
import { settingsOf } from '../settings.js';
import { execOptions, execRequestOf, reasonNote, requireCommand, runThrough } from './command-io.js';
import { adopt, oneId } from './detached.js';

export const exec: CliCommand = {
  name: 'exec',
  usage: 'exec ID [OPTIONS] -- CMD…',
  summary: 'a command in a running session; its exit code is ours',
  mostPositionals: 1,
  options: execOptions,
  passesExitCode: true,
  async run(context) {
    requireCommand(context);
    const id = oneId(context.positionals);
    await using app = new App(await settingsOf(context), context.env);
    const session = await adopt(app, id);
    const request = execRequestOf(context, session.sandbox.handle.spec, app.config.sitePolicy);
    const result = await runThrough(context, session, request);
    await session.flushLog();
    if (context.json) await report(context, { sessionId: session.id, ...result }, '');
    const note = reasonNote(result);
    if (note !== undefined) await write(context.terminal.stderr, `paddock: ${note}\n`);
    return result.exitCode;
  },
};
