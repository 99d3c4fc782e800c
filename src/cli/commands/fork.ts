import { formatDuration } from '../../core/units.js';
import { noKeys } from '../../session/broker/take-keys.js';
import { App } from '../app.js';
import { type CliCommand, text } from '../command.js';
import { report } from '../output.js';
import { whileShown } from '../progress-line.js';
import { sessionCopies } from '../session-copies.js';
import { settingsOf } from '../settings.js';
import { oneId } from './detached.js';
import { variables } from './request.js';

export const fork: CliCommand = {
  name: 'fork',
  usage: 'fork ID [--name NAME] [--env NAME=VALUE…]',
  summary: 'a new session that begins with what another one has changed, and outlives this command',
  mostPositionals: 1,
  options: {
    name: { type: 'string', help: 'name of the new session' },
    env: {
      type: 'string',
      multiple: true,
      help: 'variable of every command: NAME=VALUE, or NAME for its value here; repeatable',
    },
  },
  async run(context) {
    const id = oneId(context.positionals);
    await using app = new App(await settingsOf(context), context.env);
    const { request, origin, wish } = await (await sessionCopies(app)).startFork(id, variables(context, 'env'));
    const name = text(context, 'name');
    const sessions = await app.sessions('detached');
    const named = { ...request, ...(name === undefined ? {} : { name }) };
    const session = await whileShown(context.terminal, 'copying: ', (onProgress) =>
      sessions.create(named, context.signal, { origin, onProgress, likeOf: { wish, keys: noKeys } }),
    );
    const { record: made } = session;
    const document = {
      sessionId: made.id,
      forkOf: id,
      endsAt: new Date(made.deadlineAtMs).toISOString(),
      notes: session.notes,
    };
    const lines = [made.id, `  begins with the changes of ${id}`, `  ends in ${formatDuration(made.spec.lifetimeMs)}`];
    // Before anybody can read the id: whoever uses it next finds the session free.
    await sessions[Symbol.asyncDispose]();
    await report(context, document, [...lines, ...session.notes.map((note) => `  note: ${note}`)].join('\n'));
    return 0;
  },
};
