import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../../../src/kit/clock.js';
import { whileAlone } from '../../../../src/session/changes/own-layer.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'paddock-queue-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('lets one after the other work in a queue that is no folder, also when one comes as another goes', async () => {
  // Whoever waits looks again at every turn, so that each going meets somebody who comes.
  const clock = { ...systemClock, sleep: () => turn() };
  const queue = join(folder, 'snapshots-key');
  let inside = 0;
  let most = 0;
  const work = async () => {
    inside += 1;
    most = Math.max(most, inside);
    for (let turns = 0; turns < 3; turns += 1) await turn();
    inside -= 1;
  };
  const worker = async () => {
    for (let times = 0; times < 40; times += 1) await whileAlone(queue, { clock }, work);
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  expect(most).toBe(1);
});
