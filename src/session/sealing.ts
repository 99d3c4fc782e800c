import type { AuditRecorder } from '../audit/audit-log.js';
import { audited } from '../audit/audited.js';
import { plain } from '../audit/redaction.js';
import { toPaddockError } from '../core/errors.js';
import type { SessionId } from '../core/ids.js';
import type { Clock } from '../kit/clock.js';
import { OpenFolder } from '../kit/open-folder.js';
import type { Layer } from '../workspace/changes/layer.js';
import { type LayerNote, layerFrom, writeLayerNote } from '../workspace/layer-note.js';
import { keyUnusable } from '../workspace/sealed/identities.js';
import { hasPlain, type Seals } from '../workspace/sealed/seals.js';

/** As long as a copy may take. */
const sealWithinMs = 600_000;
/** A disk that is full, or a key that is away, mostly stays so for a while, and each attempt stands in the audit log. */
const tryAgainMs = 900_000;

/** What it takes to keep what sessions leave encrypted. */
export interface Sealing {
  readonly seals: Seals;
  /** Gets an intent and an outcome of `changes.seal`. */
  readonly audit: () => Promise<AuditRecorder>;
}

/**
 * Encrypts what an ended session has left, where that is set, and removes it in clear. By whoever has the layer to itself; again after a crash at any
 * moment it goes on from there. What fails leaves it in clear, and that noted: the work is worth more than the secret. Errors: STATE_UNWRITABLE where
 * not even that can be noted.
 */
export async function sealKept(
  folder: string,
  note: LayerNote,
  { seals, audit }: Sealing,
  { clock, signal }: { readonly clock: Clock; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  if (note.sealed !== undefined) {
    await goOn(folder, note, seals, inTime(signal));
    return;
  }
  const { kept } = note;
  if (!seals.isOn || kept === undefined) return;
  const session = note.session as SessionId;
  try {
    await audited(await audit(), {
      action: 'changes.seal',
      session,
      run: () => seal(folder, note, seals, inTime(signal)),
      describe: ({ key, bytes }) => ({ key: plain(key), bytes }),
    });
  } catch (thrown) {
    // Given up with its process: it is due as before.
    if (signal?.aborted === true) return;
    const { code } = toPaddockError(thrown);
    await writeLayerNote(folder, { ...note, kept: { ...kept, plainBecause: code, triedAtMs: clock.now() } });
  }
}

function inTime(signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(sealWithinMs);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}

/** Whether a prune that begins by itself has something to do for it: what has failed is tried again now and then. */
export async function isSealDue(folder: string, note: LayerNote, { seals }: Sealing, nowMs: number): Promise<boolean> {
  const { sealed, kept } = note;
  if (sealed !== undefined) return hasPlain(folder);
  if (!seals.isOn || kept === undefined) return false;
  return kept.plainBecause === undefined || nowMs - (kept.triedAtMs ?? 0) >= tryAgainMs;
}

async function seal(folder: string, note: LayerNote, seals: Seals, signal: AbortSignal) {
  const { endedAtMs, untilMs, bytes } = note.kept ?? { endedAtMs: 0, untilMs: 0, bytes: 0 };
  const sealed = await seals.seal(layerFrom(folder, note), subjectOf(note), signal);
  // From here on it is what is encrypted that counts, which is in the form of an overlay's layer.
  await writeLayerNote(folder, { ...note, copy: undefined, kept: { endedAtMs, untilMs, bytes }, sealed });
  await synced(folder);
  await seals.dropPlain(folder);
  await seals.dropNotes(folder);
  return sealed;
}

/** Puts a note that was just written onto the disk: else a crash of the machine could bring the one of before back, and not what goes next. Errors: the kernel's. */
export async function synced(folder: string): Promise<void> {
  await using place = await OpenFolder.at(folder);
  await place.sync();
}

async function goOn(folder: string, note: LayerNote, seals: Seals, signal: AbortSignal): Promise<void> {
  if (note.sealed === undefined) return;
  await seals.dropPlain(folder);
  // Without the key they stay as they are: names of files that were applied.
  await seals.keepNotes(layerFrom(folder, note), note.sealed, subjectOf(note), signal).catch(() => undefined);
}

/** The layer with what opens it, where it is encrypted. */
export function openable(layer: Layer, note: LayerNote, sealing: Sealing | undefined): Layer {
  const { sealed } = note;
  if (sealed === undefined) return layer;
  const subject = subjectOf(note);
  return { ...layer, open: async (signal) => sealsOf(sealing?.seals).open(layer, sealed, subject, signal) };
}

/** Errors: ENCRYPTION_KEY_UNUSABLE. */
export function sealsOf(seals: Seals | undefined): Seals {
  if (seals === undefined) throw keyUnusable('nothing here opens what is kept encrypted');
  return seals;
}

/** What stands in clear beside it and decides what becomes of it: it is encrypted with it, and so can't be changed. */
function subjectOf({ session, apiKey, madeAtMs, project, from, sinceNs }: LayerNote): string {
  return JSON.stringify([
    'changes',
    session,
    apiKey ?? '',
    madeAtMs,
    project.source,
    project.dev,
    project.ino,
    from ?? '',
    sinceNs,
  ]);
}
