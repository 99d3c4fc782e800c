import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SessionId } from '../../../src/core/ids.js';
import type { Clock } from '../../../src/kit/clock.js';
import { pidNamespaceOf, startTicksOf } from '../../../src/sandbox/processes.js';
import { isPruneDue, reapOnTimer } from '../../../src/session/reaper.js';
import type { SessionRecord } from '../../../src/session/record.js';
import { writeSnapshotNote } from '../../../src/session/snapshot-shelf.js';
import { RecordStore } from '../../../src/session/store.js';
import { type LayerNote, writeLayerNote } from '../../../src/workspace/layer-note.js';
import { bootId, record } from './support/records.js';

const clock: Clock = { now: () => 5_000_000, monotonic: () => 0, sleep: () => Promise.resolve() };
const livePid = 7;

describe('the look whether a prune is due', () => {
  let folder: string;
  let store: RecordStore;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-reaper-'));
    store = new RecordStore(folder, join(folder, 'run'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const parts = () => ({ store, clock, bootId, snapshotsFolder: join(folder, 'snapshots') });
  const init = {
    id: 'a'.repeat(64),
    initPid: process.pid,
    namespace: pidNamespaceOf(process.pid) ?? '',
    initStartTicks: startTicksOf(process.pid) ?? 0,
  };
  const detached = { kind: 'detached', container: init } as const;
  const ended = { kind: 'detached', container: { ...init, initStartTicks: 1 } } as const;
  const ownedBy = (pid: number) => ({ pid, startTimeTicks: 5, bootId });

  it.each<[string, Partial<SessionRecord>, boolean]>([
    ['an attached session whose owner lives', { owner: ownedBy(livePid) }, false],
    ['an attached session whose owner has ended', {}, true],
    ['a detached one before its deadline', detached, false],
    ['a detached one at its deadline', { ...detached, deadlineAtMs: clock.now() }, true],
    ['a detached one that ended long ago', { ...ended, deadlineAtMs: clock.now() - 600_000 }, true],
    [
      'a detached one that has just ended, for others to hear of',
      { ...ended, deadlineAtMs: clock.now() - 599_000 },
      false,
    ],
    ['a detached one that did not live to its deadline', ended, true],
    ['one from before a reboot', { ...ended, owner: { ...ownedBy(1), bootId: 'another' } }, true],
    ['one that was idle for too long when its holder ended', { ...detached, endedBecause: 'idle' }, true],
  ])('%s', async (_what, changes, expected) => {
    const one = record(changes);
    await store.save(one);
    store.noteUse(one.id as SessionId, clock.now() - 600_000);
    const isAlive = (owner: { pid: number }) => Promise.resolve(owner.pid === livePid);
    expect(await isPruneDue({ ...parts(), isAlive })).toBe(expected);
  });

  it.each<[string, Partial<LayerNote>, boolean, boolean]>([
    ['changes that are kept', { kept: { endedAtMs: 0, untilMs: clock.now() + 1, bytes: 1 } }, false, false],
    ['changes whose time is over', { kept: { endedAtMs: 0, untilMs: clock.now(), bytes: 1 } }, false, true],
    ['changes that somebody worked on when their session ended', {}, false, true],
    ['changes of a session that is just being made', { madeAtMs: clock.now() }, false, false],
    ['changes of a session that has a record', {}, true, false],
  ])('%s', async (_what, note, isRecorded, expected) => {
    const one = record({ kind: 'detached', container: init });
    if (isRecorded) await store.save(one);
    const place = store.layerFolder(one.id as SessionId);
    await mkdir(place, { recursive: true });
    const project = { source: '/home/ada/app', dev: '1', ino: '2' };
    const whole = { version: 1 as const, session: one.id, madeAtMs: 0, project, sinceNs: '5', keepMs: 1 };
    await writeLayerNote(place, { ...whole, ...note });
    expect(await isPruneDue({ ...parts(), isAlive: () => Promise.resolve(true) })).toBe(expected);
  });

  it.each([
    ['a snapshot whose time is over', clock.now(), true],
    ['a snapshot that is kept', clock.now() + 1, false],
  ])('%s', async (_what, untilMs, expected) => {
    const id = 'snp_aaaaaaaaaaaaaaaa';
    await mkdir(join(folder, 'snapshots', id), { recursive: true });
    const counts = { entries: 1, bytes: 1, leftOut: 0 };
    const project = { source: '/home/ada/app', dev: '1', ino: '2' };
    const times = { madeAtMs: 1, untilMs, sinceNs: '5' };
    await writeSnapshotNote(join(folder, 'snapshots'), {
      ...{ version: 1, id, session: record().id, project, digest: 'a'.repeat(64), ...counts, ...times },
    });
    expect(await isPruneDue({ ...parts(), isAlive: () => Promise.resolve(true) })).toBe(expected);
  });

  it('no session at all', async () => {
    expect(await isPruneDue({ ...parts(), isAlive: () => Promise.resolve(false) })).toBe(false);
  });
});

describe('the reaper of a process that stays', () => {
  /** Ends the reaper after `looks`; says how long it waited before each, and what it did. */
  async function reap(looks: number, due: (look: number) => boolean, prune: () => Promise<void> = async () => {}) {
    const waits: number[] = [];
    const failures: unknown[] = [];
    let pruned = 0;
    let asked = 0;
    let reaper: AsyncDisposable | undefined;
    const enough = new Promise<void>((resolve) => {
      const sleep = (ms: number, signal?: AbortSignal) => {
        waits.push(ms);
        if (waits.length <= looks) return Promise.resolve();
        resolve();
        return new Promise<void>((_, reject) => signal?.addEventListener('abort', () => reject(new Error('cut'))));
      };
      reaper = reapOnTimer({
        clock: { ...clock, sleep },
        isDue: () => Promise.resolve(due(asked++)),
        prune: () => {
          pruned += 1;
          return prune();
        },
        onFailure: (error) => failures.push(error),
        everyMs: 100,
      });
    });
    await enough;
    await reaper?.[Symbol.asyncDispose]();
    return { waits, pruned, failures };
  }

  it('prunes nothing while nothing is due', async () => {
    expect(await reap(3, () => false)).toEqual({ waits: [100, 100, 100, 100], pruned: 0, failures: [] });
  });

  it('prunes what is due and goes on as before once it is gone', async () => {
    expect(await reap(2, (look) => look === 0)).toEqual({ waits: [100, 100, 100], pruned: 1, failures: [] });
  });

  it('tries ever more seldom what can not be removed', async () => {
    expect((await reap(3, () => true)).waits).toEqual([100, 200, 400, 800]);
  });

  it('tells of a failure and tries again', async () => {
    const failure = new Error('no');
    const result = await reap(
      2,
      () => true,
      () => Promise.reject(failure),
    );
    expect(result).toEqual({ waits: [100, 200, 400], pruned: 2, failures: [failure, failure] });
  });
});
