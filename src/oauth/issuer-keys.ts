import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import type { Clock } from '../kit/clock.js';
import { IssuerUnavailable } from './fetch-json.js';
import type { LoadKeys } from './key-set.js';

export interface KeyTimes {
  /** For how long keys are used before they are read again. */
  readonly freshMs: number;
  /** For how long at most, where they can't be. */
  readonly usableMs: number;
  /** Between two readings for a key that is not among them: anybody can name one. */
  readonly pauseMs: number;
  /** After one that failed. */
  readonly failedPauseMs: number;
}

const minute = 60_000;
const usualTimes: KeyTimes = { freshMs: 10 * minute, usableMs: 60 * minute, pauseMs: 30_000, failedPauseMs: 5000 };

interface Loaded {
  readonly keys: JWTVerifyGetKey;
  readonly atMs: number;
}

/**
 * The issuer's public keys, read when they are needed, by one reading at a time however many wait for it. jose's own keeper of remote keys has
 * no bound on how often it asks an issuer that fails, and none on how much that sends.
 */
export class IssuerKeys {
  readonly #load: LoadKeys;
  readonly #clock: Clock;
  readonly #times: KeyTimes;
  #loaded: Loaded | undefined;
  #loading: Promise<Loaded> | undefined;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(load: LoadKeys, clock: Clock, times: Partial<KeyTimes> = {}) {
    this.#load = load;
    this.#clock = clock;
    this.#times = { ...usualTimes, ...times };
  }

  /** The key that a token's header names, by `kid` and `alg` alone; what else a header says of keys is not looked at. Errors: jose's, IssuerUnavailable. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const current = await this.#current();
    try {
      return await current.keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || this.#clock.monotonic() < this.#notBeforeMs) throw error;
      const newer = await this.#reload();
      return await newer.keys(header, token);
    }
  };

  async #current(): Promise<Loaded> {
    const loaded = this.#loaded;
    const ageMs = loaded === undefined ? Number.POSITIVE_INFINITY : this.#clock.monotonic() - loaded.atMs;
    if (loaded !== undefined && ageMs < this.#times.freshMs) return loaded;
    try {
      return await this.#reload();
    } catch (error) {
      if (loaded !== undefined && ageMs < this.#times.usableMs) return loaded;
      throw error;
    }
  }

  #reload(): Promise<Loaded> {
    if (this.#loading !== undefined) return this.#loading;
    if (this.#clock.monotonic() < this.#notBeforeMs) {
      return Promise.reject(new IssuerUnavailable('the keys could not be read a moment ago'));
    }
    this.#loading = this.#read().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #read(): Promise<Loaded> {
    const { pauseMs, failedPauseMs } = this.#times;
    try {
      const keys = createLocalJWKSet(await this.#load());
      this.#loaded = { keys, atMs: this.#clock.monotonic() };
      this.#notBeforeMs = this.#clock.monotonic() + pauseMs;
      return this.#loaded;
    } catch (error) {
      this.#notBeforeMs = this.#clock.monotonic() + failedPauseMs;
      throw error;
    }
  }
}
