import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { swapRounds as rounds, Swapper } from '../../support/swapping.js';
import { builtInit } from '../init/support/compiled.js';
import { Ground } from './support/ground.js';
import { runInitIn } from './support/run-init.js';

const names = Array.from({ length: 10 }, (_, index) => `file${index}`);
const program = builtInit();
const context = { signal: new AbortController().signal };

/** A folder `sub` on both sides that somebody swaps for a link to a folder of the host, which holds a secret. */
class Race implements AsyncDisposable {
  readonly ground = new Ground();
  readonly outside = join(this.ground.top, 'outside');
  #swapping: Swapper | undefined;

  async begin(): Promise<Swapper> {
    const { host, inside } = this.ground;
    const [to, from, own] = [join(host, 'to/sub'), join(host, 'from/sub'), join(inside, 'tree/sub')];
    for (const folder of [this.outside, to, from, own]) mkdirSync(folder, { recursive: true });
    for (const name of names) {
      writeFileSync(join(this.outside, name), 'secret');
      for (const folder of [from, own]) writeFileSync(join(folder, name), 'public');
    }
    this.#swapping = new Swapper(this.outside, [to, from]);
    await this.#swapping.begun();
    return this.#swapping;
  }

  /** Whether anything of the folder outside has got in, or anything has happened to it. */
  isLost(): boolean {
    const read = (folder: string) => readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    const outside = read(this.outside);
    if (outside.length !== names.length || outside.some((content) => content !== 'secret')) return true;
    const got = [join(this.ground.inside, 'got/sub')].flatMap((folder) => {
      try {
        return read(folder);
      } catch {
        return [];
      }
    });
    return got.includes('secret');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#swapping?.[Symbol.asyncDispose]();
    this.ground[Symbol.dispose]();
  }
}

describe('somebody who swaps folders of the host for links while files are copied', () => {
  it('gets nothing read and nothing written outside', { timeout: 600_000 }, async () => {
    await using race = new Race();
    const swaps = await race.begin();
    const { ground } = race;
    const subject = { sessionId: 'pdk_aaaaaaaaaaaaaaaaaaaa', run: runInitIn(ground.inside, program) };
    const words = new Set<string>();
    for (let round = 0; round < rounds; round += 1) {
      const common = { overwrite: true, named: [] };
      const out = { path: 'tree/.', hostPath: join(ground.host, 'to'), ...common };
      const back = { path: 'got', hostPath: `${ground.host}/from/.`, ...common };
      for (const report of [
        await ground.transfers().out(subject, out, context),
        await ground.transfers().in(subject, back, context),
      ]) {
        for (const { why } of report.leftOut) words.add(why);
      }
      expect(await swaps.whileStill(() => race.isLost())).toBe(false);
    }
    expect([...words].filter((why) => !['in-the-way', 'gone', 'changed', 'link-out', 'exists'].includes(why))).toEqual(
      [],
    );
  });

  it('would get it from whoever goes by paths', { timeout: 120_000 }, async () => {
    await using race = new Race();
    const swaps = await race.begin();
    const { host, inside } = race.ground;
    for (let round = 0; round < 2000 && !(await swaps.whileStill(() => race.isLost())); round += 1) {
      for (const name of names) {
        await cp(join(inside, 'tree/sub', name), join(host, 'to/sub', name)).catch(() => undefined);
        await cp(join(host, 'from/sub', name), join(inside, 'got/sub', name)).catch(() => undefined);
      }
    }
    expect(await swaps.whileStill(() => race.isLost())).toBe(true);
  });
});
