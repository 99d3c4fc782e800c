import { Disposables } from '../../kit/disposables.js';
import { countsOf } from '../../session/changes/review-report.js';
import { shownReview } from '../../session/changes/shown-review.js';
import { requireLayer } from '../../session/layers.js';
import type { Session } from '../../session/session.js';
import { App } from '../app.js';
import { type CliCommand, isSet } from '../command.js';
import { layerReview } from '../layer-review.js';
import { report, write } from '../output.js';
import { reapBeside } from '../prune-here.js';
import { settingsOf } from '../settings.js';
import {
  execOptions,
  execRequestOf,
  notEnforced,
  reasonNote,
  requireCommand,
  runThrough,
  startIn,
} from './command-io.js';
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
    const session = await sessions.create(toRun(request, isSet(context, 'keep')), context.signal, origin);
    const { spec, evidence } = session.sandbox.handle;
    const weak = notEnforced(evidence.controls);
    if (weak !== undefined && !context.json) await write(context.terminal.stderr, `paddock: ${weak}\n`);
    const notes = origin === undefined ? [] : session.notes;
    if (!context.json) for (const note of notes) await write(context.terminal.stderr, `paddock: ${note}\n`);
    const result = await runThrough(context, startIn(session, execRequestOf(context, spec, app.config.sitePolicy)));
    const changed = spec.workspace === 'cow' ? await changesText(app, session, context.signal) : undefined;
    await sessions.destroy(session.id);
    if (context.json) {
      const { stdout, stderr, ...rest } = result;
      const enforcement = evidence.controls;
      await report(context, { sessionId: session.id, ...rest, stdout, stderr, enforcement, notes }, '');
    }
    if (changed !== undefined && !context.json) await write(context.terminal.stderr, `paddock: ${changed}\n`);
    const note = reasonNote(result);
    if (note !== undefined) await write(context.terminal.stderr, `paddock: ${note}\n`);
    return result.exitCode;
  },
};

/** What one command has changed is only kept where that is asked for. */
function toRun(request: Record<string, unknown>, isKept: boolean): Record<string, unknown> {
  return isKept || request['keepChanges'] !== undefined ? request : { ...request, keepChanges: false };
}

/** What the command has changed, in a line; undefined where that is nothing. */
async function changesText(app: App, { id, record }: Session, signal: AbortSignal): Promise<string | undefined> {
  const { layer } = await requireLayer(app.store, id);
  const { changes } = await shownReview(layer, await layerReview(app)(layer, signal));
  const { total, ...counts } = countsOf(changes);
  if (total === 0) return undefined;
  const words = Object.entries(counts).flatMap(([kind, count]) => (count === 0 ? [] : [`${count} ${kind}`]));
  const kept = record.spec.keepChangesMs === 0 ? 'not kept: --keep does that' : `kept: \`paddock changes ${id}\``;
  return `the command has changed the workspace (${words.join(', ')}), ${kept}`;
}
