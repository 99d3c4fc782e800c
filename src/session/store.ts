import { lstatSync, mkdirSync, renameSync, utimesSync } from 'node:fs';
import { lstat, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PaddockError, SessionError } from '../core/errors.js';
import { isSessionId, type SessionId } from '../core/ids.js';
import { type Clock, systemClock } from '../kit/clock.js';
import { codeOf } from '../kit/error-code.js';
import { randomBase32 } from '../kit/random-id.js';
import { removeFolder } from '../kit/remove-folder.js';
import { writeNewFile } from '../kit/write-new-file.js';
import { dropLayer, endLayer, sealEnded } from './layers.js';
import type { SessionRecord } from './record.js';
import { maxRecordBytes, RecordReader } from './record-reader.js';
import type { Sealing } from './sealing.js';

type WaitForSealing = (seal: (signal?: AbortSignal) => Promise<void>) => Promise<void>;

interface StoreMeans {
  readonly apiKey?: string | undefined;
  /** Default: what sessions leave is kept as it is. */
  readonly sealing?: Sealing | undefined;
}

/**
 * Session records as files `sessions/ID.json` in the state folder (0700, files 0600), replaced atomically. A file that
 * is not a valid record is reported by `list` as unreadable and never acted upon. Errors: STATE_UNWRITABLE.
 */
export class RecordStore {
  readonly stateDir: string;
  readonly folder: string;
  /** Folder of the sessions' channels. */
  readonly channelsFolder: string;
  /** Where the keeper of this user is asked to hold sessions. */
  readonly keeperPath: string;
  /** Folder of what sessions have written that show their project copy-on-write. */
  readonly layersFolder: string;
  /** The API key on whose behalf records are written, and what sessions left is looked for; undefined: the user, whose everything is. */
  readonly apiKey: string | undefined;
  readonly sealing: Sealing | undefined;
  readonly #reader = new RecordReader();
  readonly #clock: Clock;

  /** `runtimeDir`: where the sessions' channels are, and the keeper. */
  constructor(stateDir: string, runtimeDir: string, clock: Clock = systemClock, { apiKey, sealing }: StoreMeans = {}) {
    this.sealing = sealing;
    this.apiKey = apiKey;
    this.#clock = clock;
    this.stateDir = stateDir;
    this.folder = join(stateDir, 'sessions');
    this.channelsFolder = join(runtimeDir, 'channels');
    this.layersFolder = join(stateDir, 'layers');
    this.keeperPath = join(runtimeDir, 'keeper', 'control.sock');
  }

  /** Errors: STATE_UNWRITABLE; LIMIT_REACHED for one that nobody would read: its session would count nowhere, and stay when its holder dies. */
  async save(record: SessionRecord): Promise<void> {
    const path = this.#path(record.id as SessionId);
    const fresh = `${path}.${randomBase32(8)}.tmp`;
    const text = JSON.stringify(record);
    if (Buffer.byteLength(text) > maxRecordBytes) throw tooLong(record);
    try {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      await writeNewFile(fresh, text);
      renameSync(fresh, path);
    } catch (cause) {
      await rm(fresh, { force: true }).catch(() => undefined);
      throw new PaddockError('STATE_UNWRITABLE', `the record of ${record.id} could not be written`, { cause });
    }
  }

  /** Undefined when there is none, or none that can be read as one. */
  async load(id: SessionId): Promise<SessionRecord | undefined> {
    const record = await this.#reader.read(this.#path(id));
    return record?.id === id ? record : undefined;
  }

  /** Whether there is anything in the place of that record, readable or not. */
  async has(id: SessionId): Promise<boolean> {
    return lstat(this.#path(id)).then(
      () => true,
      (error: unknown) => !isMissing(error),
    );
  }

  /** Notes that the session is used now, for `lastUseMs`. Where that fails it counts as idle for longer than it is. */
  noteUse(id: SessionId, nowMs: number): void {
    try {
      utimesSync(this.#path(id), nowMs / 1000, nowMs / 1000);
    } catch {
      // The record goes with its session.
    }
  }

  /** When the session was last used, as far as was noted, in milliseconds since the epoch; undefined when it has no record. */
  async lastUseMs(id: SessionId): Promise<number | undefined> {
    return lstat(this.#path(id)).then(
      (found) => found.mtimeMs,
      () => undefined,
    );
  }

  /** With `wanted` those alone that it names. */
  async list(
    wanted: (id: SessionId) => boolean = () => true,
  ): Promise<{ records: SessionRecord[]; unreadable: string[] }> {
    const names = await readdir(this.folder).catch(() => []);
    const all = names.filter((n) => n.endsWith('.json')).map((n) => n.slice(0, -5));
    this.#reader.keepOnly(all.filter(isSessionId).map((id) => this.#path(id)));
    const ids = all.filter((id) => !isSessionId(id) || wanted(id));
    const loaded = await Promise.all(
      ids.map(async (id) => ({ id, record: isSessionId(id) ? await this.load(id) : undefined })),
    );
    return {
      records: loaded.flatMap(({ record }) => (record === undefined ? [] : [record])),
      unreadable: loaded.filter(({ record }) => record === undefined).map(({ id }) => id),
    };
  }

  /**
   * Removes the record, the session's other files and what is left of its channel; what it has written beside its project is kept for a while.
   * `waitFor`: has that encrypted, where it is to be, and waits as long as it likes; default: until it is done.
   */
  async remove(id: SessionId, waitFor: WaitForSealing = (seal) => seal()): Promise<void> {
    const [path, clock, { sealing }] = [this.layerFolder(id), this.#clock, this];
    const diskBytes = (await this.load(id))?.spec.limits.diskBytes;
    await endLayer(path, clock, { diskBytes });
    if (sealing !== undefined) await waitFor((signal) => sealEnded(path, clock, sealing, { signal }));
    await this.#removeRest(id);
  }

  /** The same for a session whose creation failed or was cut off: nobody was ever given it, so nothing of it is kept. */
  async removeUnfinished(id: SessionId): Promise<void> {
    await dropLayer(this.layerFolder(id), this.#clock);
    await this.#removeRest(id);
  }

  async #removeRest(id: SessionId): Promise<void> {
    await removeFolder(this.channelFolder(id));
    await this.forget(id);
    await rm(this.logPath(id), { force: true });
    await rm(`${this.logPath(id)}.1`, { force: true });
    await rm(this.movedPath(id), { force: true });
    await rm(this.spentPath(id), { force: true });
  }

  /** Removes the record alone. */
  async forget(id: SessionId): Promise<void> {
    await rm(this.#path(id), { force: true });
  }

  logPath(id: SessionId): string {
    return join(this.folder, `${id}.log`);
  }

  /** How much it has moved over its allowlist (`MovedBytes`). */
  movedPath(id: SessionId): string {
    return join(this.folder, `${id}.moved`);
  }

  /** What its credential broker has used up (`SpentFile`). */
  spentPath(id: SessionId): string {
    return join(this.folder, `${id}.spent`);
  }

  /** Where what the session writes beside its project is. */
  layerFolder(id: SessionId): string {
    return join(this.layersFolder, id);
  }

  /** Folder of the session's pipes and control socket; its path is short, since a socket's may have 107 bytes. */
  channelFolder(id: SessionId): string {
    return join(this.channelsFolder, id);
  }

  /** The same, made: only the caller can enter it. */
  makeChannelFolder(id: SessionId): string {
    const folder = this.channelFolder(id);
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new PaddockError('STATE_UNWRITABLE', `the folder ${folder} could not be made`, { cause });
    }
    this.checkChannelFolder(id);
    return folder;
  }

  /** Errors: SESSION_ENDED where there is none, STATE_UNWRITABLE where others could put one of theirs in its place. */
  checkChannelFolder(id: SessionId): void {
    const folder = this.channelFolder(id);
    if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) {
      throw new SessionError('SESSION_ENDED', `session ${id} has ended: its channel is gone`);
    }
    for (const parent of [dirname(dirname(folder)), dirname(folder)]) refuseForeign(parent);
  }

  /** Where whoever holds the session lets others in. */
  controlPath(id: SessionId): string {
    return join(this.channelFolder(id), 'control.sock');
  }

  #path(id: SessionId): string {
    return join(this.folder, `${id}.json`);
  }
}

function tooLong({ id }: SessionRecord): PaddockError {
  return new SessionError('LIMIT_REACHED', `what is to be kept of session ${id} is too long`, {
    hint: 'Ask for fewer or shorter labels, names of environment variables and mounts.',
    info: { sessionId: id, mostBytes: maxRecordBytes },
  });
}

/** Whoever can write to a folder can put another in the place of ours. */
function refuseForeign(folder: string): void {
  const { uid, mode } = lstatSync(folder);
  if (uid === process.geteuid?.() && (mode & 0o022) === 0) return;
  throw new PaddockError('STATE_UNWRITABLE', `${folder} is not yours, or others can write to it`, {
    hint: `Run \`chmod go-w ${folder}\` if it is yours, or set runtime_dir to a folder that is.`,
  });
}

function isMissing(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}
