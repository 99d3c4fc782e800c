import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WithheldPlaces } from '../../../src/policy/withheld.js';
import { heldByContent } from '../../../src/session/changes/held-by-content.js';
import type { Change } from '../../../src/workspace/changes/change.js';
import { Differ } from '../../../src/workspace/changes/diff.js';
import { Swapper, swapRounds } from '../../support/swapping.js';
import { builtInit, builtSupport } from '../init/support/compiled.js';
import { file, folder, Trees } from './support/trees.js';

const programs = { init: builtInit(), mark: builtSupport('test/native/workspace/support/mark.c') };
const places = new WithheldPlaces();
const { signal } = new AbortController();
const files = (content: string) =>
  folder({
    ...Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`file${index}`, file(`${content}\n`)])),
    'package.json': file(JSON.stringify({ scripts: { [content]: content } })),
    deep: folder({ file: file(content) }),
  });

/** A layer and a project, of which one has the folder `sub` swapped for a link to a folder of the host, and back, all the time. */
class Race implements AsyncDisposable {
  readonly trees = new Trees(programs);
  readonly outside = join(this.trees.top, 'outside');
  readonly swapper: Swapper;

  constructor(side: 'upper' | 'project') {
    this.trees.put('project', { sub: files('mine'), '../outside': files('secret') });
    this.trees.put('upper', { sub: files('public') });
    this.swapper = new Swapper(this.outside, [join(this.trees.top, side, 'sub')]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.swapper[Symbol.asyncDispose]();
    this.trees[Symbol.dispose]();
  }
}

/** Everything that a review shows: the changes, what is withheld for its content, and the differences. */
async function shown({ trees: { layer } }: Race, changes: readonly Change[]): Promise<string> {
  const held = await heldByContent(layer, changes, places, signal);
  await using differ = await Differ.open(layer);
  const diffs: unknown[] = [];
  for (const change of changes) diffs.push(await differ.diffOf(change));
  return JSON.stringify([changes, [...held.values()], diffs]);
}

describe('somebody who swaps folders for links while changes are reviewed', () => {
  it.each(['upper', 'project'] as const)(
    'in the %s has nothing outside read, nor compared, nor taken for a file of the session',
    { timeout: 60_000 + 1000 * swapRounds },
    async (side) => {
      await using race = new Race(side);
      await race.swapper.begun();
      let modified = 0;
      const all = await race.swapper.whileStill(() => undefined).then(() => race.trees.review());
      for (let round = 0; round < swapRounds; round += 1) {
        const { changes } = await race.trees.review();
        modified += changes.filter(({ path }) => path.startsWith('sub/file')).length;
        expect(await shown(race, changes)).not.toContain('secret');
        // What was found once, looked at while it is something else.
        expect(await shown(race, all.changes)).not.toContain('secret');
      }
      expect(modified).toBeGreaterThan(0);
    },
  );

  it('would have it read by whoever goes by paths', { timeout: 60_000 }, async () => {
    await using race = new Race('upper');
    await race.swapper.begun();
    let isLost = false;
    for (let round = 0; round < 5000 && !isLost; round += 1) {
      const sub = join(race.trees.top, 'upper/sub');
      try {
        isLost = readdirSync(sub).some(
          (name) => name.startsWith('file') && readFileSync(join(sub, name), 'utf8') === 'secret\n',
        );
      } catch {
        // Nothing is there between two swaps.
      }
    }
    expect(isLost).toBe(true);
  });
});
