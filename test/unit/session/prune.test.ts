import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SessionId } from '../../../src/core/ids.js';
import { labels } from '../../../src/core/labels.js';
import type { Clock } from '../../../src/kit/clock.js';
import { newSessionId } from '../../../src/kit/random-id.js';
import { pidNamespaceOf, startTicksOf } from '../../../src/sandbox/processes.js';
import { claim } from '../../../src/session/control/claim.js';
import { listLayers } from '../../../src/session/layers.js';
import { type PruneOptions, pruneSessions } from '../../../src/session/prune.js';
import { pruneText } from '../../../src/session/prune-report.js';
import type { SessionRecord } from '../../../src/session/record.js';
import { RecordStore } from '../../../src/session/store.js';
import { writeLayerNote } from '../../../src/workspace/layer-note.js';
import { InMemoryAudit } from './support/audit.js';
import { InMemoryEngine } from './support/in-memory-engine.js';
import { bootId, containerOf, record } from './support/records.js';

const livePid = 7;
let folder: string;
let store: RecordStore;
let engine: InMemoryEngine;
let audit: InMemoryAudit;
let elapsedMs: number;

/** Sleeping moves it on at once. */
const clock: Clock = {
  now: () => 5_000_000 + elapsedMs,
  monotonic: () => elapsedMs,
  sleep: (ms) => {
    elapsedMs += ms;
    return Promise.resolve();
  },
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paddock-prune-'));
  store = new RecordStore(folder, join(folder, 'run'));
  engine = new InMemoryEngine();
  audit = new InMemoryAudit();
  elapsedMs = 0;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function prune(changes: Partial<PruneOptions> = {}) {
  return pruneSessions({
    ...{ store, engine, audit, clock, bootId, runtimeDir: '/run/user/1', isDryRun: false },
    isAlive: (owner) => Promise.resolve(owner.pid === livePid),
    ...changes,
  });
}

async function saved(changes: Partial<SessionRecord> = {}): Promise<SessionRecord> {
  const one = record(changes);
  await store.save(one);
  return one;
}

const ownedBy = (pid: number) => ({ pid, startTimeTicks: 5, bootId });
const justNow = () => clock.now() - 1000;

describe('an idle timeout', () => {
  const initPid = process.pid;
  const container = {
    id: 'a'.repeat(64),
    ...{ initPid, namespace: pidNamespaceOf(initPid) ?? '', initStartTicks: startTicksOf(initPid) ?? 0 },
  };

  async function usedAgo(ms: number, changes: Partial<SessionRecord> = {}): Promise<SessionRecord> {
    const plain = record({ kind: 'detached', container, ...changes });
    const one = { ...plain, spec: { ...plain.spec, idleTimeoutMs: 60_000 } };
    await store.save(one);
    engine.add({ ...containerOf(one), id: container.id });
    store.noteUse(one.id as SessionId, clock.now() - ms);
    return one;
  }

  it('ends a detached session that nobody holds once nothing has run in it for as long', async () => {
    const one = await usedAgo(61_000);
    const report = await prune({ isInUse: () => false });
    expect(report.removed).toMatchObject([{ sessionId: one.id, why: 'idle' }]);
    expect(pruneText(report)).toContain('idle timeout');
    expect(engine.containers).toEqual([]);
  });

  it.each([
    ['it has time left', 59_000, () => false],
    ['something runs in it', 3_600_000, () => true],
  ])('leaves it when %s', async (_, ms, isInUse) => {
    await usedAgo(ms);
    expect((await prune({ isInUse })).kept).toMatchObject([{ why: 'not-expired' }]);
  });

  it('leaves it to whoever holds it', async () => {
    const one = await usedAgo(61_000);
    store.makeChannelFolder(one.id as SessionId);
    const held = await claim(store.controlPath(one.id as SessionId));
    expect((await prune({ isInUse: () => false })).kept).toMatchObject([{ why: 'not-expired' }]);
    await held[Symbol.asyncDispose]();
  });

  it('is the reason given when its holder was about to end it', async () => {
    await usedAgo(0, { state: 'ending', endedBecause: 'idle' });
    expect((await prune()).removed).toMatchObject([{ why: 'idle' }]);
  });
});

describe('prune removes', () => {
  it('the container and the record of an attached session whose owner has ended', async () => {
    const dead = await saved();
    const { id } = engine.add(containerOf(dead));
    const report = await prune();
    expect(report.removed).toEqual([{ sessionId: dead.id, containerId: id, why: 'owner-ended' }]);
    expect(engine.containers).toEqual([]);
    expect((await store.list()).records).toEqual([]);
    expect(audit.lines).toEqual([`session.prune ${dead.id} ok`]);
  });

  it('a detached session past its deadline and keeps one before it', async () => {
    const over = await saved({ kind: 'detached', deadlineAtMs: clock.now() });
    const running = await saved({ kind: 'detached', deadlineAtMs: clock.now() + 1 });
    engine.add(containerOf(over));
    engine.add(containerOf(running));
    const report = await prune();
    expect(report.removed.map((r) => [r.sessionId, r.why])).toEqual([[over.id, 'expired']]);
    expect(report.kept).toEqual([{ sessionId: running.id, why: 'not-expired' }]);
    expect(engine.containers.map((c) => c.name)).toEqual([running.containerName]);
  });

  it('a session of an earlier boot even if its deadline lies ahead', async () => {
    await saved({ kind: 'detached', owner: { pid: livePid + 1, startTimeTicks: 5, bootId: 'another' } });
    expect((await prune()).removed[0]?.why).toBe('rebooted');
  });

  it('a detached session whose container stands still or is gone', async () => {
    const stopped = await saved({ kind: 'detached' });
    const gone = await saved({ kind: 'detached' });
    engine.add({ ...containerOf(stopped), state: 'exited' });
    const report = await prune();
    expect(report.removed.map((r) => r.sessionId)).toEqual([stopped.id, gone.id].sort());
    expect(report.removed.every((r) => r.why === 'sandbox-ended')).toBe(true);
    expect(engine.containers).toEqual([]);
  });

  it('what a creation that was cut off left behind, when the engine finishes it during the wait', async () => {
    const cutOff = await saved({ state: 'creating', createdAtMs: justNow() });
    engine.onList = (listNumber) => {
      if (listNumber === 4) engine.add(containerOf(cutOff));
    };
    const report = await prune();
    expect(report.removed).toMatchObject([{ sessionId: cutOff.id, why: 'creation-cut-off' }]);
    expect(engine.containers).toEqual([]);
  });

  it('the record of a creation cut off long ago', async () => {
    await saved({ state: 'creating', createdAtMs: clock.now() - 61_000 });
    const report = await prune();
    expect(report).toMatchObject({ removed: [{ why: 'creation-cut-off' }], pending: [] });
    expect(elapsedMs).toBe(0);
  });

  it('what a session began with that was never finished, and not what one has written that was finished meanwhile', async () => {
    const [cutOff, finished] = [
      await saved({ state: 'creating', createdAtMs: clock.now() - 61_000 }),
      await saved({ state: 'creating', createdAtMs: clock.now() - 61_000 }),
    ];
    const ids = [cutOff, finished].map(({ id }) => id as SessionId);
    for (const id of ids) {
      await mkdir(join(store.layerFolder(id), 'upper/work'), { recursive: true });
      const project = { source: '/home/ada/app', dev: '1', ino: '2' };
      await writeLayerNote(store.layerFolder(id), {
        ...{ version: 1, session: id, madeAtMs: 0, project, sinceNs: '1', keepMs: 1000 },
      });
    }
    const container = engine.add(containerOf(finished));
    vi.spyOn(engine, 'removeContainer').mockImplementation(async (ref) => {
      if (ref === container.id) await store.save({ ...finished, state: 'running' });
      return true;
    });
    expect((await prune()).removed).toHaveLength(2);
    expect((await listLayers(store)).map(({ id }) => id)).toEqual([finished.id]);
  });

  it('half-written records and logs without a record once they are a minute old', async () => {
    const kept = await saved({ owner: ownedBy(livePid) });
    const orphan = newSessionId();
    const young = `${newSessionId()}.log`;
    const old = [
      `${orphan}.log`,
      `${orphan}.log.1`,
      `${orphan}.moved`,
      `${orphan}.spent`,
      `${orphan}.json.abcdefgh.tmp`,
    ];
    const spared = [young, `${kept.id}.log`, `${kept.id}.moved`, `${kept.id}.spent`, 'notes.txt', `${orphan}.json.tmp`];
    const at = new Date(clock.now() - 61_000);
    for (const name of [...old, ...spared]) {
      await writeFile(join(store.folder, name), '');
      const when = name === young ? new Date(clock.now()) : at;
      await utimes(join(store.folder, name), when, when);
    }
    const report = await prune();
    expect([...report.files].sort()).toEqual(old.map((name) => join(store.folder, name)).sort());
    expect((await readdir(store.folder)).sort()).toEqual([...spared, `${kept.id}.json`].sort());
  });
});

describe('prune leaves alone', () => {
  it('every session of a live process, whatever its deadline says', async () => {
    const mine = await saved({ owner: ownedBy(livePid), deadlineAtMs: 1 });
    engine.add(containerOf(mine));
    const report = await prune();
    expect(report).toMatchObject({ removed: [], kept: [{ sessionId: mine.id, why: 'owner-alive' }] });
    expect(engine.containers).toHaveLength(1);
  });

  it.each([
    ['another nonce', { labels: (r: SessionRecord) => ({ [labels.session]: r.id, [labels.nonce]: 'x' }) }],
    ['no nonce', { labels: (r: SessionRecord) => ({ [labels.session]: r.id }) }],
    ['another name', { name: (r: SessionRecord) => `${r.containerName}-2` }],
  ])('a decoy that has everything of ours but %s', async (_what, forged) => {
    const dead = await saved();
    const honest = containerOf(dead);
    const decoy = engine.add({
      name: 'name' in forged ? forged.name(dead) : honest.name,
      labels: 'labels' in forged ? forged.labels(dead) : honest.labels,
    });
    const report = await prune();
    expect(engine.containers).toEqual([decoy]);
    expect(report.foreign).toEqual([{ containerId: decoy.id, name: decoy.name, why: 'not-proven' }]);
    expect(report.removed).toEqual([{ sessionId: dead.id, why: 'owner-ended' }]);
  });

  it('a container with name, labels and nonce of ours but another id than the record knows', async () => {
    const dead = await saved({
      container: { id: 'f'.repeat(64), initPid: 9, namespace: 'pid:[1]', initStartTicks: 1 },
    });
    engine.add(containerOf(dead));
    expect((await prune()).foreign).toHaveLength(1);
    expect(engine.containers).toHaveLength(1);
  });

  it('containers that carry our labels and have no record', async () => {
    const decoy = engine.add(containerOf(record()));
    const report = await prune();
    expect(report.foreign).toEqual([{ containerId: decoy.id, name: decoy.name, why: 'no-record' }]);
    expect(engine.containers).toEqual([decoy]);
    expect(audit.lines).toEqual([]);
  });

  it('a session whose creation ended, and its owner too, between the look and the judgement', async () => {
    const creating = await saved({ kind: 'detached', state: 'creating', createdAtMs: justNow() });
    engine.add(containerOf(creating));
    const finishes = async () => {
      await store.save({ ...creating, state: 'running' });
      return false;
    };
    const report = await prune({ isAlive: finishes });
    expect(report).toMatchObject({ removed: [], kept: [{ sessionId: creating.id, why: 'not-expired' }] });
    expect(engine.containers).toHaveLength(1);
  });

  it('a detached session whose container was made after the list', async () => {
    const late = await saved({ kind: 'detached' });
    engine.onList = (listNumber) => {
      if (listNumber === 2) engine.add(containerOf(late));
    };
    expect((await prune()).kept).toEqual([{ sessionId: late.id, why: 'not-expired' }]);
  });

  it('a creation cut off just now whose container does not appear within five seconds', async () => {
    const cutOff = await saved({ state: 'creating', createdAtMs: justNow() });
    const report = await prune();
    expect(report).toMatchObject({ removed: [], pending: [{ sessionId: cutOff.id }] });
    expect(elapsedMs).toBe(5000);
    expect((await store.list()).records).toHaveLength(1);
  });

  it('records of an engine that is not at hand or does not answer', async () => {
    const docker = await saved({
      engine: { kind: 'docker', socketPath: '/run/user/1/docker.sock', startedByUs: false },
    });
    const elsewhere = await saved({ engine: { kind: 'podman', socketPath: '/srv/podman.sock', startedByUs: false } });
    const kept = [docker.id, elsewhere.id].sort().map((sessionId) => ({ sessionId, why: 'engine-unreachable' }));
    expect((await prune()).kept).toEqual(kept);
    expect((await prune({ engine: undefined })).kept).toEqual(kept);
    await saved();
    engine.isBroken = true;
    expect((await prune()).kept.map((k) => k.why)).toEqual(Array(3).fill('engine-unreachable'));
    expect((await store.list()).records).toHaveLength(3);
  });

  it('the record when the engine refuses to remove the container', async () => {
    const dead = await saved();
    engine.add(containerOf(dead));
    engine.refusesRemoval = true;
    const report = await prune();
    expect(report.kept).toEqual([{ sessionId: dead.id, why: 'failed', detail: 'device or resource busy' }]);
    expect((await store.list()).records).toHaveLength(1);
    expect(audit.lines).toEqual([`session.prune ${dead.id} ENGINE_FAILED`]);
  });

  it('files that are no records, which it names', async () => {
    await saved();
    await writeFile(join(store.folder, 'pdk_evil.json'), '{}');
    expect((await prune()).unreadable).toEqual(['pdk_evil.json']);
    expect((await stat(join(store.folder, 'pdk_evil.json'))).isFile()).toBe(true);
  });
});

describe('prune', () => {
  it('takes the private Podman of a dead server and the usual one for the same engine', async () => {
    await saved({
      engine: { kind: 'podman', socketPath: '/run/user/1/paddock/engine-x/podman.sock', startedByUs: true },
    });
    expect((await prune()).removed).toHaveLength(1);
  });

  it('says in a dry run what it would do, and does nothing', async () => {
    const dead = await saved();
    engine.add(containerOf(dead));
    const rehearsal = await prune({ isDryRun: true });
    expect(engine.containers).toHaveLength(1);
    expect((await store.list()).records).toHaveLength(1);
    expect(audit.lines).toEqual([]);
    expect({ ...rehearsal, isDryRun: false }).toEqual(await prune());
    expect(pruneText(rehearsal)).toContain(`would remove ${dead.id}: the process it was attached to has ended`);
  });

  it('removes nothing when the audit log can not be written', async () => {
    const dead = await saved();
    engine.add(containerOf(dead));
    audit.isFull = true;
    await expect(prune()).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    expect(engine.containers).toHaveLength(1);
    expect((await store.list()).records).toHaveLength(1);
  });
});
