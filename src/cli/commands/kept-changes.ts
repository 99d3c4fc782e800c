import { formatBytes } from '../../core/units.js';
import { safeLine } from '../../kit/safe-text.js';
import { plainWords } from '../../session/changes/kept-words.js';
import { listLayers, type NotedLayer } from '../../session/layers.js';
import { App } from '../app.js';
import type { CommandContext } from '../command.js';
import { report, table } from '../output.js';
import { settingsOf } from '../settings.js';

/** `changes --all`: the sessions of this user that write beside their project, and those that have ended and left something there. */
export async function listKept(context: CommandContext): Promise<number> {
  await using app = new App(await settingsOf(context), context.env);
  const views = (await listLayers(app.store)).map(viewOf);
  const rows = views.map((v) => [
    v.sessionId,
    v.keptUntil === undefined ? 'open' : `kept until ${v.keptUntil}${howText(v)}`,
    v.bytes === undefined ? '-' : formatBytes(v.bytes),
    v.projectPath,
  ]);
  const lines =
    rows.length === 0 ? 'no session has changes' : table([['SESSION', 'STATE', 'SIZE', 'PROJECT'], ...rows]);
  await report(context, { sessions: views }, lines);
  return 0;
}

function howText({
  encrypted,
  notEncrypted,
}: {
  readonly encrypted?: boolean;
  readonly notEncrypted?: string;
}): string {
  if (encrypted === true) return ', encrypted';
  return notEncrypted === undefined ? '' : `, ${plainWords(notEncrypted)}`;
}

function viewOf({ id, note: { name, project, madeAtMs, from, kept, sealed } }: NotedLayer) {
  return {
    sessionId: id,
    ...(name === undefined ? {} : { name }),
    projectPath: safeLine(project.source, 4096),
    madeAt: new Date(madeAtMs).toISOString(),
    ...(from === undefined ? {} : { from }),
    ...(kept === undefined
      ? {}
      : {
          bytes: kept.bytes,
          endedAt: new Date(kept.endedAtMs).toISOString(),
          keptUntil: new Date(kept.untilMs).toISOString(),
          encrypted: sealed !== undefined,
          ...(kept.plainBecause === undefined ? {} : { notEncrypted: kept.plainBecause }),
        }),
  };
}
