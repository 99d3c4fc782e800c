import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SessionId } from '../../../src/core/ids.js';
import { claimRemoval, isBeingRemoved } from '../../../src/session/control/claim-removal.js';
import { pruneSessions } from '../../../src/session/prune.js';
import type { SessionRecord } from '../../../src/session/record.js';
import { RecordStore } from '../../../src/session/store.js';
import { HeldClock } from '../tools/support/stage.js';
import { InMemoryAudit } from './support/audit.js';
import { InMemoryEngine } from './support/in-memory-engine.js';
import { bootId, containerOf, record } from './support/records.js';

describe('a session whose time is over', () => {
  let folder: string;
  let store: RecordStore;
  let engine: InMemoryEngine;
  let audit: InMemoryAudit;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-prune-'));
    store = new RecordStore(folder, join(folder, 'run'));
    engine = new InMemoryEngine();
    audit = new InMemoryAudit();
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const clock = new HeldClock();
  const dead = () => Promise.resolve(false);
  const prune = ({ isAlive = dead } = {}) =>
    pruneSessions({ store, engine, audit, clock, bootId, isAlive, runtimeDir: '/run/user/1', isDryRun: false });

  async function expired(): Promise<SessionRecord> {
    const one = record({ kind: 'detached', deadlineAtMs: clock.now() - 1000 });
    await store.save(one);
    return one;
  }

  it('stays when its holder puts the end off after the first look', async () => {
    const one = await expired();
    engine.add(containerOf(one));
    let looks = 0;
    const isAlive = async () => {
      looks += 1;
      if (looks === 2) await store.save({ ...one, deadlineAtMs: clock.now() + 3_600_000 });
      return false;
    };
    expect(await prune({ isAlive })).toMatchObject({ removed: [], kept: [{ sessionId: one.id, why: 'not-expired' }] });
    expect(engine.containers).toHaveLength(1);
    expect(audit.lines).toEqual([]);
  });

  it('can not be put off any more from the second look on', async () => {
    const one = await expired();
    engine.add(containerOf(one));
    const id = one.id as SessionId;
    store.makeChannelFolder(id);
    const seen: boolean[] = [];
    const isAlive = async () => {
      seen.push(await isBeingRemoved(store, id));
      return false;
    };
    expect(await prune({ isAlive })).toMatchObject({ removed: [{ sessionId: one.id, why: 'expired' }] });
    expect(seen).toEqual([false, true]);
    expect(await isBeingRemoved(store, id)).toBe(false);
    expect(await readdir(store.channelsFolder)).toEqual([]);
  });

  it('is left to whoever is removing it already', async () => {
    const one = await expired();
    store.makeChannelFolder(one.id as SessionId);
    const other = await claimRemoval(store, one.id as SessionId);
    expect(await prune()).toMatchObject({ removed: [], kept: [{ sessionId: one.id, why: 'being-removed' }] });
    await other?.[Symbol.asyncDispose]();
    expect((await prune()).removed).toHaveLength(1);
  });
});
