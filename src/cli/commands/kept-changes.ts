import { formatBytes } from '../../core/units.js';
import { safeLine } from '../../kit/safe-text.js';
import { keptIn, plainWords } from '../../session/changes/kept-words.js';
import { type LayerPlaces, listLayers, type NotedLayer } from '../../session/layers.js';
import { App } from '../app.js';
import type { CommandContext } from '../command.js';
import { report, table } from '../output.js';
import { settingsOf } from '../settings.js';

/** `changes --all`: the sessions of this user that write beside their project, and those that have ended and left something there. */
export async function listKept(context: CommandContext): Promise<number> {
  await using app = new App(await settingsOf(context), context.env);
  const views = (await listLayers(app.store)).map((one) => viewOf(one, app.store));
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

interface How {
  readonly encrypted?: boolean;
  readonly notEncrypted?: string;
  readonly encryptionPending?: boolean;
}

function howText({ encrypted = false, notEncrypted, encryptionPending = false }: How): string {
  const bare = plainWords({ plainBecause: notEncrypted, isSealDue: encryptionPending, isSealed: encrypted });
  if (bare !== undefined) return `, ${bare}`;
  return encrypted ? ', encrypted' : '';
}

function viewOf({ id, note }: NotedLayer, places: LayerPlaces) {
  const { name, project, madeAtMs, from, sealed } = note;
  const kept = keptIn(note, places);
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
          ...(kept.isSealDue ? { encryptionPending: true as const } : {}),
        }),
  };
}
