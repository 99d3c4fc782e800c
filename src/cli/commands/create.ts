import { formatDuration } from '../../core/units.js';
import { Disposables } from '../../kit/disposables.js';
import { App } from '../app.js';
import type { CliCommand } from '../command.js';
import { report } from '../output.js';
import { whileShown } from '../progress-line.js';
import { reapBeside } from '../prune-here.js';
import { settingsOf } from '../settings.js';
import { requestOptions, startOf } from './request.js';

export const create: CliCommand = {
  name: 'create',
  usage: 'create [--project DIR] [OPTIONS]',
  summary: 'a session that outlives this command and ends at its deadline',
  options: requestOptions,
  async run(context) {
    await using app = new App(await settingsOf(context), context.env);
    await using beside = new Disposables();
    beside.use(reapBeside(app, context.signal));
    const sessions = await app.sessions('detached');
    const { request, origin } = await startOf(context, app);
    const session = await whileShown(context.terminal, 'copying: ', (onProgress) =>
      sessions.create(request, context.signal, { origin, onProgress }),
    );
    const { record } = session;
    const { controls } = session.sandbox.handle.evidence;
    const weak = controls.filter((c) => c.status !== 'enforced').map((c) => `  not enforced: ${c.id} (${c.status})`);
    const waiting = record.spec.workspace === 'cow' ? [waitingLine(record.id)] : [];
    const document = {
      sessionId: record.id,
      endsAt: new Date(record.deadlineAtMs).toISOString(),
      profile: record.spec.profile,
      workspace: record.spec.workspace,
      notes: session.notes,
      enforcement: controls,
    };
    const lines = [
      record.id,
      `  ends in ${formatDuration(record.spec.lifetimeMs)}`,
      ...waiting,
      ...session.notes.map((n) => `  note: ${n}`),
      ...weak,
    ];
    // Before anybody can read the id: whoever uses it next finds the session free.
    await sessions[Symbol.asyncDispose]();
    await report(context, document, lines.join('\n'));
    return 0;
  },
};

function waitingLine(id: string): string {
  return `  the project stays as it is: \`paddock changes ${id}\` shows what was written beside it, \`paddock apply ${id}\` takes it over`;
}
