import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { EngineKind } from '../../../src/engine/types.js';
import { keeperGone } from './keeper.js';
import { leftOvers } from './left-overs.js';
import { paddock } from './paddock.js';
import { Place } from './place.js';

/**
 * A place for each test of a file. A keeper stays for five seconds after its last session, so whether it goes by itself and
 * nothing is left is looked at when all tests have run: their waits run beside each other and the tests.
 */
export class Places {
  readonly #kind: EngineKind;
  readonly #left: Place[] = [];

  constructor(kind: EngineKind) {
    this.#kind = kind;
  }

  /** The next test's, or a describe's own. */
  async make(): Promise<Place> {
    const place = await Place.make(this.#kind);
    this.#left.push(place);
    return place;
  }

  /** For a hook after each test: removes its sessions. */
  async empty(): Promise<void> {
    const place = this.#left.at(-1);
    if (place !== undefined) await paddock(place, ['rm', '--all']);
  }

  /** For a hook after all of them: fails when a keeper, or anything else of any of the tests, is still there. */
  async gone(): Promise<void> {
    for (const place of this.#left) {
      await keeperGone(place);
      expect(await leftOvers(place, [this.#kind])).toEqual([]);
      // Nothing but the numbered notes of who held what, and no session's folder.
      expect(await namesIn(join(place.root, 'run', 'channels'))).toEqual([]);
      expect(await namesIn(join(place.root, 'run', 'keeper'))).not.toContain('control.sock');
      await place[Symbol.asyncDispose]();
    }
  }
}

const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
