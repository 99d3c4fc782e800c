import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../../src/kit/clock.js';
import { newSnapshotId } from '../../../src/kit/random-id.js';
import { claim } from '../../../src/session/control/claim.js';
import { whileAlone } from '../../../src/session/queues.js';
import { sweepSnapshotClaims } from '../../../src/session/snapshot-claims.js';

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

it('leaves notes that a prune removes where nobody holds them and what they are about has gone', async () => {
  const snapshots = join(folder, 'snapshots');
  const [there, gone] = [newSnapshotId(), newSnapshotId()];
  mkdirSync(join(snapshots, there), { recursive: true });
  const clock = systemClock;
  const late = { ...clock, now: () => Date.now() + 61_000 };
  for (const id of [there, gone]) await (await claim(join(snapshots, `${id}.lock`)))[Symbol.asyncDispose]();
  const draft = `.note-${'a'.repeat(12)}`;
  for (const place of [folder, snapshots]) writeFileSync(join(place, draft), '{');
  for (const queue of ['snapshots', 'snapshots-left']) await whileAlone(join(folder, queue), { clock }, turn);
  await whileAlone(join(folder, 'snapshots-busy'), { clock }, async () => {
    const sweep = (now: typeof clock, isDryRun = false) => sweepSnapshotClaims(snapshots, { clock: now, isDryRun });
    expect(await sweep(clock)).toEqual([]);
    const said = await sweep(late, true);
    expect(said).toHaveLength(6);
    expect((await sweep(late)).toSorted()).toEqual(said.toSorted());
  });
  expect(readdirSync(snapshots).toSorted()).toEqual([there, `${there}.lock.1`, `${there}.lock.2`].toSorted());
  const queues = readdirSync(folder).filter((name) => !/^queues\.\d+$/.test(name));
  expect(queues.toSorted()).toEqual(
    [
      'snapshots',
      ...['snapshots', 'snapshots-busy'].flatMap((name) => [`${name}.lock.1`, `${name}.lock.2`]),
    ].toSorted(),
  );
});
