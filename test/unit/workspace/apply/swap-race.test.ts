import { readdirSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Change } from '../../../../src/workspace/changes/change.js';
import { Swapper, swapRounds } from '../../../support/swapping.js';
import { Ground, treeOf } from './support/ground.js';

const names = Array.from({ length: 10 }, (_, index) => `file${index}`);

/** A project and a layer in which somebody swaps the folder `sub` for a link to a folder of the host, on both sides. */
class Race implements AsyncDisposable {
  readonly ground = new Ground();
  readonly outside = join(this.ground.top, 'outside');
  readonly changes: readonly Change[];
  readonly #swapper: Swapper;

  constructor() {
    const { ground } = this;
    ground.host({
      '../outside/kept': 'secret',
      ...Object.fromEntries(names.map((name) => [`../outside/${name}`, 'secret'])),
      'sub/one': '1',
    });
    ground.session(Object.fromEntries(names.map((name) => [`sub/${name}`, 'public'])));
    this.changes = names.map((name) => ground.change('added', `sub/${name}`));
    const places = [join(ground.project, 'sub'), join(ground.upper, 'sub')];
    this.#swapper = new Swapper(this.outside, places);
  }

  begun(): Promise<void> {
    return this.#swapper.begun();
  }

  stop(): Promise<void> {
    return this.#swapper[Symbol.asyncDispose]();
  }

  isLostNow(): Promise<boolean> {
    return this.#swapper.whileStill(() => this.isLost());
  }

  /** Whether anything of the folder outside has come into the project, or anything has happened to it. */
  isLost(): boolean {
    const outside = Object.values(treeOf(this.outside));
    const isTouched = outside.length !== names.length + 1 || outside.some((content) => content !== 'secret');
    return isTouched || Object.values(treeOf(this.ground.project)).includes('secret');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.ground[Symbol.dispose]();
  }
}

describe('somebody who swaps folders for links while changes are applied', () => {
  it('gets nothing read and nothing written outside', { timeout: 60_000 + 1000 * swapRounds }, async () => {
    const results = new Set<string>();
    await using race = new Race();
    await race.begun();
    for (let round = 0; round < swapRounds; round += 1) {
      for (const { result, conflict } of await race.ground.apply(race.changes)) results.add(conflict ?? result);
      expect(await race.isLostNow()).toBe(false);
    }
    await race.stop();
    expect(race.isLost()).toBe(false);
    expect(readdirSync(race.outside)).toHaveLength(names.length + 1);
    expect(
      [...results].filter(
        (one) => !['applied', 'same', 'parent', 'exists', 'changed-inside', 'changed-outside'].includes(one),
      ),
    ).toEqual([]);
  });

  it('would get it from whoever goes by paths', { timeout: 120_000 }, async () => {
    await using race = new Race();
    await race.begun();
    for (let round = 0; round < 2000 && !(await race.isLostNow()); round += 1) {
      for (const { path } of race.changes) {
        const to = join(race.ground.project, path);
        await mkdir(dirname(to), { recursive: true }).catch(() => undefined);
        await copyFile(join(race.ground.upper, path), to).catch(() => undefined);
      }
    }
    await race.stop();
    expect(race.isLost()).toBe(true);
  });
});
