import type { AuditRecorder } from '../audit/audit-log.js';
import { audited } from '../audit/audited.js';
import { plain } from '../audit/redaction.js';
import { toPaddockError } from '../core/errors.js';
import type { Clock } from '../kit/clock.js';
import { OpenFolder } from '../kit/open-folder.js';
import type { Layer } from '../workspace/changes/layer.js';
import { type LayerNote, layerFrom, readLayerNote, writeLayerNote } from '../workspace/layer-note.js';
import { keyUnusable } from '../workspace/sealed/identities.js';
import { hasPlain } from '../workspace/sealed/plain-parts.js';
import type { Seals } from '../workspace/sealed/seals.js';

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
export async function sealKept(folder: string, note: LayerNote, sealing: Sealing, around: Around): Promise<void> {
  const { seals } = sealing;
  await seals.dropTorn(folder);
  if (note.sealed === undefined && !(seals.isOn && note.kept !== undefined)) return;
  if (note.sealed === undefined) await sealNoted(folder, note, sealing, around);
  // What was noted last, whatever became of it: without the id in it nothing opens what is encrypted.
  const now = await readLayerNote(folder);
  if (now?.sealed === undefined || around.signal?.aborted === true) return;
  await goOn(folder, now, seals, { ...around, hasNotes: note.sealed === undefined });
}

interface Around {
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

async function sealNoted(folder: string, note: LayerNote, { seals, audit }: Sealing, { clock, signal }: Around) {
  try {
    await audited(await audit(), {
      action: 'changes.seal',
      session: note.session,
      run: () => seal(folder, note, seals, inTime(signal)),
      describe: ({ key, bytes }) => ({ key: plain(key), bytes }),
    });
  } catch (thrown) {
    // Given up with its process: it is due as before.
    if (signal?.aborted === true) return;
    const now = await readLayerNote(folder);
    // It may have been noted already, or nobody can tell: what is in clear is gone with the next look, and with the note of before so would be the rest.
    if (now?.sealed === undefined) await noteFailure(folder, now, thrown, clock);
  }
}

/** Errors: STATE_UNWRITABLE. */
async function noteFailure(folder: string, note: LayerNote | undefined, thrown: unknown, clock: Clock): Promise<void> {
  if (note?.kept === undefined) return;
  const { code } = toPaddockError(thrown);
  await writeLayerNote(folder, { ...note, kept: { ...note.kept, plainBecause: code, triedAtMs: clock.now() } });
}

/** With an end to an encryption that takes too long. */
export function inTime(signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(sealWithinMs);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}

/**
 * Whether that has failed a short while ago: nobody who was not asked to tries it again so soon. A time still to come is of a clock that went back since,
 * and says nothing: it would be waited for.
 */
export function hasJustFailed({ triedAtMs }: { readonly triedAtMs?: number | undefined }, nowMs: number): boolean {
  return triedAtMs !== undefined && triedAtMs <= nowMs && nowMs - triedAtMs < tryAgainMs;
}

/** Whether a prune that begins by itself has something to do for it: what has failed is tried again now and then. */
export async function isSealDue(folder: string, note: LayerNote, { seals }: Sealing, nowMs: number): Promise<boolean> {
  const { sealed, kept } = note;
  if (sealed === undefined && (!seals.isOn || kept === undefined)) return false;
  if (kept !== undefined && hasJustFailed(kept, nowMs)) return false;
  return sealed === undefined || hasPlain(folder);
}

async function seal(folder: string, note: LayerNote, seals: Seals, signal: AbortSignal) {
  const { endedAtMs, untilMs, bytes } = note.kept ?? { endedAtMs: 0, untilMs: 0, bytes: 0 };
  const sealed = await seals.seal(layerFrom(folder, note), subjectOf(note), signal);
  // From here on it is what is encrypted that counts, which is in the form of an overlay's layer.
  await writeLayerNote(folder, { ...note, copy: undefined, kept: { endedAtMs, untilMs, bytes }, sealed });
  await synced(folder);
  return sealed;
}

/** Puts a note that was just written onto the disk: else a crash of the machine could bring the one of before back, and not what goes next. Errors: the kernel's. */
export async function synced(folder: string): Promise<void> {
  await using place = await OpenFolder.at(folder);
  await place.sync();
}

interface HasNotes {
  /** Whether what stands in clear of notes was encrypted just now. */
  readonly hasNotes: boolean;
}

/** Removes what is in clear of what is noted to be encrypted. What fails is noted, and tried again. Errors: STATE_UNWRITABLE where it can't be noted. */
async function goOn(folder: string, note: LayerNote, seals: Seals, around: Around & HasNotes): Promise<void> {
  const { clock, signal, hasNotes } = around;
  const { sealed, kept } = note;
  if (sealed === undefined) return;
  try {
    // The note's own writer may not have come so far.
    await synced(folder);
    if (hasNotes) await seals.dropNotes(folder);
    await seals.dropPlain(folder);
  } catch (thrown) {
    await noteFailure(folder, note, thrown, clock);
    return;
  }
  if (kept?.plainBecause !== undefined) {
    const { endedAtMs, untilMs, bytes } = kept;
    await writeLayerNote(folder, { ...note, kept: { endedAtMs, untilMs, bytes } });
  }
  // Without the key they stay as they are: names of files that were applied.
  await seals.keepNotes(layerFrom(folder, note), sealed, subjectOf(note), inTime(signal)).catch(() => undefined);
}

/** The layer with what opens it, where it is encrypted. */
export function openable(layer: Layer, note: LayerNote, sealing: Sealing | undefined): Layer {
  const { sealed } = note;
  if (sealed === undefined) return layer;
  const subject = subjectOf(note);
  return { ...layer, open: async (wish) => sealsOf(sealing?.seals).open(layer, sealed, subject, wish) };
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
