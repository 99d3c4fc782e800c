import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync, utimesSync } from 'node:fs';
import { link, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConfigError, PaddockError } from '../core/errors.js';
import type { Clock } from '../kit/clock.js';
import { codeOf } from '../kit/error-code.js';
import { readNoteSurely, writeNote } from '../kit/note-file.js';
import { randomBase32 } from '../kit/random-id.js';
import type { Secret } from '../kit/secret.js';
import { writeNewFile } from '../kit/write-new-file.js';
import { type ApiKey, type Grant, grantSchema, keyNamePattern, type SecretNote, secretSchema, stateOf } from './key.js';
import { hashOf, newKeySecret } from './key-secret.js';

export type Wish = Omit<Grant, 'version' | 'id' | 'madeAtMs'>;

/** Whoever has it is told once: only the hash of the secret is kept. */
export interface GivenKey {
  readonly key: ApiKey;
  readonly secret: Secret;
}

export interface KeyList {
  readonly keys: readonly ApiKey[];
  /** Names of what is no key, by what is in its files: good for nothing. */
  readonly unreadable: readonly string[];
  /** Names of those whose files the kernel does not give out for now: nobody knows whether they are good. */
  readonly unknown: readonly string[];
}

/**
 * API keys as folders `keys/NAME` in the state folder (0700, files 0600): `grant.json`, `secret-N.json` for each secret it has had, `revoked`,
 * and `used`, whose time is the last use. No file is ever changed and each appears whole under a name of its own, so there is nothing to lock:
 * of two that make or rotate the same key at once one is told so, and no rotation brings a revoked key back. Errors: STATE_UNWRITABLE.
 */
export class KeyStore {
  readonly #folder: string;
  readonly #clock: Clock;

  /** `folder`: `keys` in the state folder. */
  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
  }

  /** Errors: BAD_ARGUMENT (the name is taken, also by a key that is good no more). */
  async create(wish: Wish): Promise<GivenKey> {
    const secret = newKeySecret();
    const hash = hashOf(secret.reveal());
    const madeAtMs = this.#clock.now();
    const grant: Grant = { version: 1, id: hash.slice(0, 16), madeAtMs, ...wish };
    const fresh = join(this.#folder, `.${randomBase32(16)}`);
    const first: SecretNote = { version: 1, hash, madeAtMs, graceMs: 0 };
    try {
      mkdirSync(fresh, { recursive: true, mode: 0o700 });
      await writeNewFile(join(fresh, 'grant.json'), JSON.stringify(grant));
      await writeNewFile(join(fresh, 'secret-1.json'), JSON.stringify(first));
      renameSync(fresh, this.#at(wish.name));
    } catch (cause) {
      rmSync(fresh, { recursive: true, force: true });
      if (['ENOTEMPTY', 'EEXIST'].includes(codeOf(cause) ?? '')) throw nameTaken(wish.name);
      throw unwritable(this.#folder, cause);
    }
    return { secret, key: { grant, secrets: [first], revokedAtMs: undefined, lastUsedMs: undefined } };
  }

  /** Every key there is, by name. */
  async list(): Promise<KeyList> {
    const names = this.#names();
    const read = await Promise.all(names.map((name) => this.#tryRead(name)));
    const namesOf = (what: 'broken' | 'unknown') => names.filter((_, i) => read[i] === what);
    return {
      keys: read.filter((one) => typeof one === 'object'),
      unreadable: namesOf('broken'),
      unknown: namesOf('unknown'),
    };
  }

  /** Another text once a key was made, rotated or revoked: of all that the folders' times tell, which nobody can set back. */
  stamp(): string {
    const folders = [this.#folder, ...this.#names().map((name) => this.#at(name))];
    const changed = (path: string) => lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ctimeNs;
    return folders.map((path) => `${changed(path) ?? '-'}`).join(' ');
  }

  /** Another secret; the one before stays good for `graceMs`, and no other one does. Errors: BAD_ARGUMENT (no such key, or good no more). */
  async rotate(name: string, graceMs: number): Promise<GivenKey> {
    const key = await this.#require(name);
    const state = stateOf(key, this.#clock.now());
    if (state !== 'good') throw new PaddockError('BAD_ARGUMENT', `the key ${name} is ${state}`);
    const secret = newKeySecret();
    const note: SecretNote = { version: 1, hash: hashOf(secret.reveal()), madeAtMs: this.#clock.now(), graceMs };
    await this.#addSecret(name, key.secrets.length + 1, note);
    return { secret, key: { ...key, secrets: [...key.secrets, note] } };
  }

  /** From now on nobody can use it; says whether it could be before. Errors: BAD_ARGUMENT (no such key). */
  async revoke(name: string): Promise<boolean> {
    // What can't be read any more can be revoked all the same.
    if (!this.#names().includes(name)) throw noSuchKey(name);
    try {
      await writeNewFile(join(this.#at(name), 'revoked'), '');
      return true;
    } catch (cause) {
      if (codeOf(cause) === 'EEXIST') return false;
      throw unwritable(this.#at(name), cause);
    }
  }

  /** Notes a use, to the minute. Where that fails it seems to have been used less than it was. */
  noteUse({ grant, lastUsedMs = 0 }: ApiKey): void {
    const now = Math.floor(this.#clock.now() / 60_000) * 60_000;
    if (now <= lastUsedMs) return;
    const path = join(this.#at(grant.name), 'used');
    try {
      utimesSync(path, now / 1000, now / 1000);
    } catch {
      void writeNewFile(path, '').catch(() => undefined);
    }
  }

  #names(): readonly string[] {
    try {
      checkPrivate(this.#folder);
      return readdirSync(this.#folder)
        .filter((name) => keyNamePattern.test(name))
        .sort();
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
  }

  async #require(name: string): Promise<ApiKey> {
    const key = keyNamePattern.test(name) ? await this.#tryRead(name) : 'broken';
    if (typeof key === 'object') return key;
    throw key === 'broken' ? noSuchKey(name) : unreadableNow(name);
  }

  async #tryRead(name: string): Promise<ApiKey | 'broken' | 'unknown'> {
    // A server short of descriptors, a disk that fails, a mode that somebody changed: none of these is a word on the key.
    return await this.#read(name).then(
      (key) => key ?? 'broken',
      () => 'unknown' as const,
    );
  }

  /** Undefined: none. Errors: what keeps it from being read. */
  async #read(name: string): Promise<ApiKey | undefined> {
    const folder = this.#at(name);
    const grant = await readNoteSurely(join(folder, 'grant.json'), grantSchema);
    if (grant?.name !== name) return undefined;
    const secrets: SecretNote[] = [];
    for (;;) {
      const secret = await readNoteSurely(join(folder, `secret-${secrets.length + 1}.json`), secretSchema);
      if (secret === undefined) break;
      secrets.push(secret);
    }
    // One that is there and can't be read would bring back those before it.
    const isWhole = timeOf(join(folder, `secret-${secrets.length + 1}.json`)) === undefined && secrets.length > 0;
    const revokedAtMs = timeOf(join(folder, 'revoked'));
    const lastUsedMs = timeOf(join(folder, 'used'));
    return isWhole ? { grant, secrets, revokedAtMs, lastUsedMs } : undefined;
  }

  async #addSecret(name: string, number: number, note: SecretNote): Promise<void> {
    const folder = this.#at(name);
    const fresh = join(folder, `${randomBase32(8)}.fresh`);
    try {
      await writeNote(fresh, note);
      await link(fresh, join(folder, `secret-${number}.json`));
    } catch (cause) {
      if (codeOf(cause) === 'EEXIST')
        throw new PaddockError('BAD_ARGUMENT', 'it was rotated by somebody else just now');
      throw unwritable(folder, cause);
    } finally {
      await rm(fresh, { force: true });
    }
  }

  #at(name: string): string {
    return join(this.#folder, name);
  }
}

/** Whoever can write to the folder can make keys. */
function checkPrivate(folder: string): void {
  for (const path of [dirname(folder), folder]) {
    const { uid, mode } = lstatSync(path);
    if (uid === process.geteuid?.() && (mode & 0o022) === 0) continue;
    throw new ConfigError('BAD_CONFIG', `${path} is not yours, or others can write to it: keys in it are not used`, {
      hint: `Run \`chmod go-w ${path}\` if it is yours, or set state_dir to a folder that is.`,
    });
  }
}

function timeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

function nameTaken(name: string): PaddockError {
  return new PaddockError('BAD_ARGUMENT', `there is a key ${name} already`, {
    hint: 'Take another name, also where that key is revoked: what it owned stays its own. `paddock keys list` shows all.',
  });
}

function noSuchKey(name: string): PaddockError {
  return new PaddockError('BAD_ARGUMENT', `there is no key ${JSON.stringify(name.slice(0, 64))}`, {
    hint: '`paddock keys list` shows those there are.',
  });
}

function unreadableNow(name: string): PaddockError {
  return new PaddockError('STATE_UNREADABLE', `the files of the key ${name} can not be read now`);
}

function unwritable(path: string, cause: unknown): PaddockError {
  return new PaddockError('STATE_UNWRITABLE', `${path} could not be written`, { cause });
}
