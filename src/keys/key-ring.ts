import type { Clock } from '../kit/clock.js';
import { type ApiKey, goodHashes, stateOf } from './key.js';
import { hashOf, isKeySecret, isSameHash } from './key-secret.js';
import type { KeyStore } from './key-store.js';

/** For how long what was read is believed while nothing shows that it changed: two changes within a tick of the kernel's clock look like one. */
const freshMs = 1000;

/** Tells by its secret which key a request has. Errors: BAD_CONFIG where others can write keys. */
export class KeyRing {
  readonly #store: KeyStore;
  readonly #clock: Clock;
  #read: { readonly atMs: number; readonly stamp: string; readonly keys: Promise<readonly ApiKey[]> } | undefined;

  constructor(store: KeyStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** The key with that secret, if it is good now; its use is noted. */
  async holderOf(secret: string): Promise<ApiKey | undefined> {
    if (!isKeySecret(secret)) return undefined;
    const hash = hashOf(secret);
    const nowMs = this.#clock.now();
    // All of them each time: how long it takes says neither which it was nor whether it was any.
    const found = (await this.#keys()).filter((key) =>
      goodHashes(key, nowMs)
        .map((good) => isSameHash(good, hash))
        .includes(true),
    );
    const [key] = found;
    if (key !== undefined) this.#store.noteUse(key);
    return key;
  }

  /** Whether the key of that id is neither revoked nor over. */
  async isGood(id: string): Promise<boolean> {
    const nowMs = this.#clock.now();
    return (await this.#keys()).some((key) => key.grant.id === id && stateOf(key, nowMs) === 'good');
  }

  #keys(): Promise<readonly ApiKey[]> {
    const [atMs, stamp] = [this.#clock.monotonic(), this.#store.stamp()];
    if (this.#read?.stamp !== stamp || atMs - this.#read.atMs >= freshMs) {
      this.#read = { atMs, stamp, keys: this.#store.list().then(({ keys }) => keys) };
    }
    return this.#read.keys;
  }
}
