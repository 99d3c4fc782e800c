import { PaddockError } from '../core/errors.js';
import type { Clock } from '../kit/clock.js';
import { type ApiKey, goodHashes, stateOf } from './key.js';
import { hashOf, isKeySecret, isSameHash } from './key-secret.js';
import type { KeyList, KeyStore } from './key-store.js';

/** For how long what was read is believed while nothing shows that it changed: two changes within a tick of the kernel's clock look like one. */
const freshMs = 1000;

/** Tells by its secret which key a request has. Errors: BAD_CONFIG where others can write keys; STATE_UNREADABLE, and those of the kernel, where nobody can say now. */
export class KeyRing {
  readonly #store: KeyStore;
  readonly #clock: Clock;
  /** By id: whose files can't be read has no id. */
  readonly #names = new Map<string, string>();
  #read: { readonly atMs: number; readonly stamp: string; readonly list: Promise<KeyList> } | undefined;

  constructor(store: KeyStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** The key with that secret, if it is good now; its use is noted. */
  async holderOf(secret: string): Promise<ApiKey | undefined> {
    if (!isKeySecret(secret)) return undefined;
    const hash = hashOf(secret);
    const nowMs = this.#clock.now();
    const { keys, unknown } = await this.#list();
    // All of them each time: how long it takes says neither which it was nor whether it was any.
    const found = keys.filter((key) =>
      goodHashes(key, nowMs)
        .map((good) => isSameHash(good, hash))
        .includes(true),
    );
    const [key] = found;
    if (key === undefined) {
      // It may be the secret of one of these: who is told that it is not throws a good one away.
      if (unknown.length > 0) throw unreadableNow(unknown);
      return undefined;
    }
    this.#names.set(key.grant.id, key.grant.name);
    this.#store.noteUse(key);
    return key;
  }

  /** Whether the key of that id, which somebody came with, is neither revoked nor over. */
  async isGood(id: string): Promise<boolean> {
    const nowMs = this.#clock.now();
    const { keys, unknown } = await this.#list();
    const key = keys.find(({ grant }) => grant.id === id);
    if (key !== undefined) return stateOf(key, nowMs) === 'good';
    if (unknown.includes(this.#names.get(id) ?? '')) throw unreadableNow(unknown);
    return false;
  }

  #list(): Promise<KeyList> {
    const [atMs, stamp] = [this.#clock.monotonic(), this.#store.stamp()];
    if (this.#read?.stamp !== stamp || atMs - this.#read.atMs >= freshMs) {
      this.#read = { atMs, stamp, list: this.#store.list() };
    }
    return this.#read.list;
  }
}

function unreadableNow(names: readonly string[]): PaddockError {
  return new PaddockError('STATE_UNREADABLE', `keys that can not be read now: ${names.join(', ')}`);
}
