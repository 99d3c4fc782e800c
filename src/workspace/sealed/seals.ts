import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PaddockError } from '../../core/errors.js';
import { isGone, OpenFolder } from '../../kit/open-folder.js';
import { randomBase32 } from '../../kit/random-id.js';
import { lastingMarks } from '../apply/carry-marks.js';
import { DiscardMarks, discardedName } from '../apply/discarded.js';
import type { Layer, OpenedLayer } from '../changes/layer.js';
import { changesAlone } from './changes-alone.js';
import { keyUnusable, type SealKey } from './identities.js';
import { newOpenedFolder, removeOpened } from './opened-folders.js';
import type { Openable } from './opening-entry.js';
import type { Openings, OpeningWish } from './openings.js';
import { packedLayer, unpackLayer } from './packed-layer.js';
import { dropPlain, dropTorn } from './plain-parts.js';
import type { Sealed } from './sealed.js';
import { readSealedFile, sealedUnreadable, writeSealedFile } from './sealed-file.js';
import { behindLabel, labelled } from './sealed-item.js';
import {
  hasNotes,
  joinedNotes,
  type NoteTexts,
  notesIn,
  putNotes,
  removeNotes,
  sealNotes,
  unsealNotes,
} from './sealed-notes.js';

const itemName = 'upper.age';

/** What the session has written, in clear, in `upper` of a folder of its own. Whoever has it disposes of it. */
export interface Unpacked extends Openable {
  readonly top: string;
}

type Keys = readonly [SealKey, ...SealKey[]];

export interface SealsOptions {
  /** Whether what is kept is to be encrypted; what has been is opened all the same. */
  readonly isOn: boolean;
  /** Errors: ENCRYPTION_KEY_UNUSABLE. */
  readonly keys: () => Promise<Keys>;
  /** Where what is looked at lies in clear, as long as it is. */
  readonly openedFolder: string;
  /** For who does not wait until all of it is there; absent: everybody does. */
  readonly openings?: Openings<Unpacked> | undefined;
  /** paddock-init, as a program of this host. */
  readonly program: () => Promise<string>;
}

/** Encrypts what is kept of sessions that are over, and snapshots, and opens them for who works on them. */
export class Seals {
  readonly isOn: boolean;
  readonly openedFolder: string;
  readonly #options: SealsOptions;

  constructor(options: SealsOptions) {
    this.isOn = options.isOn;
    this.openedFolder = options.openedFolder;
    this.#options = options;
  }

  /** Returns where nothing is to be encrypted, or it could be. Errors: ENCRYPTION_KEY_UNUSABLE. */
  async expectKey(): Promise<void> {
    if (this.isOn) await this.#options.keys();
  }

  /**
   * Encrypts a layer that nobody else works on, with what was noted of it, beside what there is in clear, which stays: the caller notes that it is
   * encrypted, and then calls `dropPlain`. `subject`: what says which it is, and has to be the same when it is opened. Errors:
   * ENCRYPTION_KEY_UNUSABLE, SNAPSHOT_FAILED, STATE_UNWRITABLE, INIT_MISSING, an AbortError.
   */
  async seal(layer: Layer, subject: string, signal: AbortSignal): Promise<Sealed> {
    const key = newest(await this.#options.keys());
    const program = await this.#options.program();
    const { folder } = layer;
    await this.dropTorn(folder);
    await expectWhole(layer);
    const sealed = { id: randomBase32(26), key: key.name };
    await using alone = await changesAlone(layer, { program, signal });
    await using from = await OpenFolder.at(alone.upper);
    const label = labelOf('layer', sealed.id, subject);
    const packed = packedLayer(from, { program, signal });
    const bytes = await writeSealedFile(join(folder, itemName), key, labelled(label, packed), signal);
    const marks = await lastingMarks(layer, lastingOf(sealed));
    const notes = { ...(await notesIn(folder)), [discardedName]: await DiscardMarks.textOf(marks) };
    await sealNotes(folder, labelOf('notes', sealed.id, subject), { key, notes, signal });
    return { ...sealed, bytes };
  }

  /** See the function of that name. Errors: STATE_UNWRITABLE. */
  dropPlain(folder: string): Promise<void> {
    return dropPlain(folder);
  }

  /** See the function of that name. */
  dropTorn(folder: string): Promise<void> {
    return dropTorn(folder);
  }

  /** Removes what was noted of it in clear, once it is encrypted with it. Errors: the kernel's. */
  dropNotes(folder: string): Promise<void> {
    return removeNotes(folder);
  }

  /** Encrypts what was noted of it in clear since: of an apply that a crash cut short, and that was finished without the key. Errors: as for `open`. */
  async keepNotes({ folder }: Layer, sealed: Sealed, subject: string, signal: AbortSignal): Promise<void> {
    const since = await notesIn(folder);
    if (!hasNotes(since)) return;
    const key = await this.#keyOf(sealed);
    const label = labelOf('notes', sealed.id, subject);
    const before = await unsealNotes(folder, label, { keys: [key], signal });
    await sealNotes(folder, label, { key, notes: joinedNotes(before, since), signal });
    await removeNotes(folder);
  }

  /**
   * Opens it in a folder of its own, in clear. Whoever changes what is noted of it has the layer to itself. Errors: ENCRYPTION_KEY_UNUSABLE,
   * SEALED_UNREADABLE, STATE_UNWRITABLE, INIT_MISSING, LAYER_OPENING (it goes on), an AbortError.
   */
  async open(layer: Layer, sealed: Sealed, subject: string, wish: OpeningWish): Promise<OpenedLayer> {
    const key = await this.#keyOf(sealed);
    const keys = [key];
    const label = labelOf('layer', sealed.id, subject);
    const unpack = (signal: AbortSignal) => this.#unpacked(layer, label, { keys, signal });
    const { openings } = this.#options;
    const { signal } = wish;
    const opening = `${layer.folder} ${label}`;
    const unpacked = await (openings?.take(opening, wish, unpack) ?? unpack(signal));
    const { top } = unpacked;
    const upper = join(top, 'upper');
    try {
      const notesLabel = labelOf('notes', sealed.id, subject);
      // Only now: whoever had it meanwhile may have noted something.
      const noted = await unsealNotes(layer.folder, notesLabel, { keys, signal });
      // Of an apply that a crash cut short, and that was finished without the key.
      const since = await notesIn(layer.folder);
      // Those of who has put it back.
      await removeNotes(top);
      await putNotes(top, joinedNotes(noted, since));
      const { folder, project, sinceNs } = layer;
      return {
        layer: { folder, project, sinceNs, upper, notes: top, lasting: lastingOf(sealed) },
        async keepNotes() {
          await sealNotes(layer.folder, notesLabel, {
            key,
            notes: await allNotesIn(top),
            signal: AbortSignal.timeout(keepWithinMs),
          });
          if (hasNotes(since)) await removeNotes(layer.folder);
        },
        putBack: async () => openings?.putBack(opening, unpacked) ?? unpacked[Symbol.asyncDispose](),
        [Symbol.asyncDispose]: () => unpacked[Symbol.asyncDispose](),
      };
    } catch (error) {
      await unpacked[Symbol.asyncDispose]();
      throw isGone(error) ? sealedUnreadable('it is not there', error) : error;
    }
  }

  async #unpacked(
    layer: Layer,
    label: string,
    parts: { readonly keys: readonly SealKey[]; readonly signal: AbortSignal },
  ): Promise<Unpacked> {
    const top = await newOpenedFolder(this.openedFolder);
    try {
      const upper = join(top, 'upper');
      await mkdir(upper, { mode: 0o700 });
      await this.#unpack(layer, upper, label, parts);
      const isThere = () => isFile(join(layer.folder, itemName));
      return { top, isThere, [Symbol.asyncDispose]: () => removeOpened(top) };
    } catch (error) {
      await removeOpened(top);
      throw isGone(error) ? sealedUnreadable('it is not there', error) : error;
    }
  }

  async #keyOf({ key: wanted }: Sealed): Promise<SealKey> {
    const key = (await this.#options.keys()).find(({ name }) => name === wanted);
    if (key === undefined) throw keyUnusable('the key that it was encrypted with is not among those there are');
    return key;
  }

  async #unpack(
    { folder }: Layer,
    upper: string,
    label: string,
    { keys, signal }: { readonly keys: readonly SealKey[]; readonly signal: AbortSignal },
  ): Promise<void> {
    await using to = await OpenFolder.at(upper);
    const stream = behindLabel(label, readSealedFile(join(folder, itemName), keys, signal));
    await unpackLayer(stream, to, { program: await this.#options.program(), signal });
  }
}

/** Those of a folder that is there, else there would be none in it, and they would be encrypted over all those before. Errors: STATE_UNWRITABLE. */
async function allNotesIn(top: string): Promise<NoteTexts> {
  const notes = await notesIn(top);
  // Behind it: it loses its name before anything in it goes.
  await lstat(top).catch((cause: unknown) => {
    throw new PaddockError('STATE_UNWRITABLE', 'what was opened of it has gone, and so what was noted since', {
      cause,
    });
  });
  return notes;
}

/** What was done is done: whoever goes on elsewhere does not keep it from being noted. */
const keepWithinMs = 600_000;

/** Whoever has begun to remove it knew it to be encrypted: the rest would be encrypted over all of it. */
async function expectWhole({ upper }: Layer): Promise<void> {
  const found = await lstat(upper).catch(() => undefined);
  if (found?.isDirectory() !== true)
    throw new PaddockError('SNAPSHOT_FAILED', 'what was written is not there as a whole');
}

async function isFile(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found?.isFile() === true;
}

function newest(keys: Keys): SealKey {
  return keys.at(-1) ?? keys[0];
}

/** Nothing in an item changes once it is encrypted: with its path this says which entry is meant, however often it is opened. */
function lastingOf({ id }: Pick<Sealed, 'id'>): string {
  return `sealed ${id}`;
}

function labelOf(part: 'layer' | 'notes', id: string, subject: string): string {
  return JSON.stringify({ v: 1, part, id, subject: JSON.parse(subject) as unknown });
}
