import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Change } from '../../../../src/workspace/changes/change.js';
import { Ground, treeOf } from './support/ground.js';

/** Swaps a folder for a link to another one and back, as fast as it can, at each of the given places, until it is killed. */
const swapper = `
const { mkdirSync, renameSync, symlinkSync } = require('node:fs');
const [outside, ...places] = process.argv.slice(1);
for (const place of places) symlinkSync(outside, place + '.link');
process.stdout.write('swaps');
for (;;) {
  for (const place of places) {
    try {
      renameSync(place, place + '.folder');
      renameSync(place + '.link', place);
      renameSync(place, place + '.link');
      renameSync(place + '.folder', place);
    } catch {
      // Somebody has made a folder there meanwhile.
      mkdirSync(place, { recursive: true });
    }
  }
}`;
const rounds = 50;
const names = Array.from({ length: 10 }, (_, index) => `file${index}`);

/** A project and a layer in which somebody swaps the folder `sub` for a link to a folder of the host, on both sides. */
class Race implements AsyncDisposable {
  readonly ground = new Ground();
  readonly outside = join(this.ground.top, 'outside');
  readonly changes: readonly Change[];
  readonly #child: ChildProcess;

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
    this.#child = spawn(process.execPath, ['-e', swapper, this.outside, ...places], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  async begun(): Promise<void> {
    await once(this.#child.stdout!, 'data');
  }

  async stop(): Promise<void> {
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }

  /** Looks while nobody swaps: whoever looks by paths would be led outside as well. */
  async isLostNow(): Promise<boolean> {
    const { pid } = this.#child;
    this.#child.kill('SIGSTOP');
    while (!/\) T /.test(readFileSync(`/proc/${pid ?? 0}/stat`, 'latin1'))) await setImmediate();
    const isLost = this.isLost();
    this.#child.kill('SIGCONT');
    return isLost;
  }

  /** Whether anything of the folder outside has come into the project, or anything has happened to it. */
  isLost(): boolean {
    const outside = Object.values(treeOf(this.outside));
    const isTouched = outside.length !== names.length + 1 || outside.some((content) => content !== 'secret');
    return isTouched || Object.values(treeOf(this.ground.project)).includes('secret');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.stop();
    this.ground[Symbol.dispose]();
  }
}

describe('somebody who swaps folders for links while changes are applied', () => {
  it('gets nothing read and nothing written outside', { timeout: 120_000 }, async () => {
    const results = new Set<string>();
    await using race = new Race();
    await race.begun();
    for (let round = 0; round < rounds; round += 1) {
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
