import type { MountSpec } from '../core/spec.js';
import { deny } from './verdict.js';

/** Single values that a request's own arguments and its dockerOpts can both set. */
export interface SingleWishes {
  image: string;
  network: string;
  memoryBytes: number;
  cpuMillis: number;
  cpuShares: number;
  pids: number;
  nofile: number;
  fsizeBytes: number;
  shmBytes: number;
  diskBytes: number;
  hostname: string;
  workdir: string;
}

/** A tmpfs as asked for; what is absent comes from the policy. */
export interface TmpfsWish {
  readonly target: string;
  readonly sizeBytes?: number;
  readonly mode?: number;
  readonly executable?: boolean;
}

/**
 * What one request asks for, parsed, in our units, before any ceiling is applied. Asking twice for the same value is
 * fine; for two values it is refused (`request.conflict`), since whichever we took, the other would be dropped.
 */
export class Wishes {
  readonly #single = new Map<keyof SingleWishes, { readonly value: string | number; readonly from: string }>();
  readonly #env = new Map<string, string>();
  readonly #labels = new Map<string, string>();
  readonly tmpfs: TmpfsWish[] = [];
  readonly mounts: MountSpec[] = [];
  readonly notes: string[] = [];

  set<K extends keyof SingleWishes>(key: K, value: SingleWishes[K], from: string): void {
    const before = this.#single.get(key);
    if (before !== undefined && before.value !== value) {
      deny('request.conflict', `${before.from} asks for ${before.value} and ${from} for ${value}`);
    }
    this.#single.set(key, { value, from });
  }

  get<K extends keyof SingleWishes>(key: K): SingleWishes[K] | undefined {
    // The map holds under each key only what `set` took for that key.
    return this.#single.get(key)?.value as SingleWishes[K] | undefined;
  }

  setEnv(name: string, value: string): void {
    setOnce(this.#env, name, value, 'environment variable');
  }

  setLabel(name: string, value: string): void {
    setOnce(this.#labels, name, value, 'label');
  }

  get env(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#env);
  }

  get labels(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#labels);
  }
}

function setOnce(map: Map<string, string>, name: string, value: string, what: string): void {
  const before = map.get(name);
  if (before !== undefined && before !== value) deny('request.conflict', `${what} ${name} is given two values`);
  map.set(name, value);
}
