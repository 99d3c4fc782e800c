import { PaddockError } from '../core/errors.js';
import type { AdmissionRow } from './admission-row.js';
import { merged, type Promised } from './promised.js';
import { type Asked, refusedForKey } from './room-refusal.js';

/** Lets the sessions of one caller in, and grow, by a row that the whole process has in common. */
export class Admission {
  readonly #row: AdmissionRow;
  readonly #apiKey: string | undefined;

  /** `apiKey`: the caller's; absent: whoever runs this process. */
  constructor(row: AdmissionRow, apiKey?: string) {
    this.#row = row;
    this.#apiKey = apiKey;
  }

  /** The same row for another caller. The holder of a key is told that there is no room, and not by how much. */
  forKey(apiKey: string | undefined): Admission {
    return new Admission(this.#row, apiKey);
  }

  /**
   * Reserves room for a new session until what is returned is called: by then the session counts by itself, or was not made. Errors:
   * LIMIT_REACHED with the rule and, without a key, the numbers; AbortError.
   */
  admit(promised: Promised, signal: AbortSignal): Promise<() => void> {
    return this.#admit({ promised, isNew: true, isMoreMemory: true, isMoreCpu: true }, signal);
  }

  /**
   * The same for a session that runs and is to have `after` instead of `before`. What it has at present is not judged again, and less is
   * always admitted at once.
   */
  async grow(before: Promised, after: Promised, signal: AbortSignal): Promise<() => void> {
    const isMoreMemory = after.memoryBytes > before.memoryBytes;
    const isMoreCpu = after.cpuMillis > before.cpuMillis;
    if (!isMoreMemory && !isMoreCpu) return () => undefined;
    const [promised = after] = merged([before, after]);
    return this.#admit({ promised, isNew: false, isMoreMemory, isMoreCpu }, signal);
  }

  async #admit(asked: Asked, signal: AbortSignal): Promise<() => void> {
    try {
      return await this.#row.admit(asked, this.#apiKey, signal);
    } catch (error) {
      const isFull = error instanceof PaddockError && error.code === 'LIMIT_REACHED';
      throw isFull && this.#apiKey !== undefined ? refusedForKey(error) : error;
    }
  }
}
