import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SessionId } from '../../../src/core/ids.js';
import type { Engine } from '../../../src/engine/types.js';
import { systemClock } from '../../../src/kit/clock.js';
import { pidNamespaceOf, startTicksOf } from '../../../src/sandbox/processes.js';
import { type AdoptOptions, adoptSession, destroyRecorded } from '../../../src/session/adopt.js';
import type { SessionRecord } from '../../../src/session/record.js';
import { RecordStore } from '../../../src/session/store.js';
import { InMemoryAudit } from './support/audit.js';
import { InMemoryEngine } from './support/in-memory-engine.js';
import { bootId, containerOf, record } from './support/records.js';

let folder: string;
let engine: InMemoryEngine;
let audit: InMemoryAudit;
let options: AdoptOptions;
// This very process stands in for process 1 of the sandbox: its pid namespace is readable.
const initPid = process.pid;
const namespace = pidNamespaceOf(initPid) ?? '';
const initStartTicks = startTicksOf(initPid) ?? 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paddock-adopt-'));
  engine = new InMemoryEngine();
  audit = new InMemoryAudit();
  options = {
    // Only what adoption calls is there.
    engine: engine as unknown as Engine,
    ...{ store: new RecordStore(folder, join(folder, 'run')), audit, clock: systemClock, bootId },
    ...{ isAlive: () => Promise.resolve(false), runtimeDir: '/run/user/1' },
  };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function onlyContainer() {
  const [held] = engine.containers;
  if (held === undefined) throw new Error('the engine has no container');
  return held;
}

/** A detached session that runs. */
function running(changes: Partial<SessionRecord> = {}): SessionRecord {
  const plain = record({ kind: 'detached', deadlineAtMs: Date.now() + 60_000 });
  const held = engine.add({ ...containerOf(plain), pid: initPid });
  const evidence = { controls: [], readAtMs: 1 };
  return { ...plain, container: { id: held.id, initPid, namespace, initStartTicks }, evidence, ...changes };
}

describe('adopting a session', () => {
  it('gives a session with the sandbox of the record', async () => {
    const one = running();
    const session = await adoptSession(one, options);
    expect(session.id).toBe(one.id);
    expect(session.sandbox.alive).toBe(true);
    expect(session.sandbox.handle.containerId).toBe(one.container?.id);
  });

  it.each([
    ['its deadline has passed', { deadlineAtMs: 1 }],
    ['the host was restarted', { owner: { pid: 1, startTimeTicks: 1, bootId: 'another' } }],
    ['it is attached to a process that has ended', { kind: 'attached' as const }],
    ['its creation was cut off', { state: 'creating' as const }],
  ])('says SESSION_ENDED when %s', async (_why, changes) => {
    const one = running();
    await expect(adoptSession({ ...one, ...changes }, options)).rejects.toMatchObject({
      code: 'SESSION_ENDED',
    });
  });

  it('says SESSION_ENDED when another process has the number of its process 1', async () => {
    const one = running();
    const container = { id: onlyContainer().id, initPid, namespace: 'pid:[1]', initStartTicks };
    await expect(adoptSession({ ...one, container }, options)).rejects.toMatchObject({ code: 'SESSION_ENDED' });
  });

  it('says SESSION_ENDED when process 1 has its number and its namespace, but another start', async () => {
    const one = running();
    const container = { id: onlyContainer().id, initPid, namespace, initStartTicks: initStartTicks - 1 };
    await expect(adoptSession({ ...one, container }, options)).rejects.toMatchObject({ code: 'SESSION_ENDED' });
  });

  it('says SESSION_ENDED when its container stands still or is gone', async () => {
    const stopped = running();
    onlyContainer().state = 'exited';
    await expect(adoptSession(stopped, options)).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    engine.containers.length = 0;
    await expect(adoptSession(stopped, options)).rejects.toMatchObject({ code: 'SESSION_ENDED' });
  });

  it('says NO_SUCH_SESSION when the container lacks the nonce of the record', async () => {
    const one = running();
    onlyContainer().labels['dev.paddock.nonce'] = 'forged';
    await expect(adoptSession(one, options)).rejects.toMatchObject({ code: 'NO_SUCH_SESSION' });
  });

  it('refuses a session that is attached to a live process', async () => {
    const alive = { ...options, isAlive: () => Promise.resolve(true) };
    await expect(adoptSession(running({ kind: 'attached' }), alive)).rejects.toMatchObject({
      code: 'SESSION_NOT_YOURS',
    });
    await expect(adoptSession(running(), alive)).resolves.toBeDefined();
  });

  it('names the engine when the session lives on another one', async () => {
    const one = running({ engine: { kind: 'docker', socketPath: '/run/user/1/docker.sock', startedByUs: false } });
    engine.containers.length = 0;
    await expect(adoptSession(one, options)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  });
});

describe('adopting a session with an idle timeout', () => {
  const idle = async (sinceMs: number): Promise<SessionRecord> => {
    const one = running();
    const timed = { ...one, spec: { ...one.spec, idleTimeoutMs: 60_000 } };
    await options.store.save(timed);
    options.store.noteUse(one.id as SessionId, Date.now() - sinceMs);
    return timed;
  };

  it('counts on from when it was last used, and notes every use', async () => {
    const one = await idle(20_000);
    const session = await adoptSession(one, { ...options, isInUse: () => false });
    expect(session.idleness.leftMs).toBeGreaterThan(30_000);
    expect(session.idleness.leftMs).toBeLessThanOrEqual(40_000);
    session.idleness.begin()();
    expect(session.idleness.leftMs).toBeGreaterThan(50_000);
    const lastUseMs = (await options.store.lastUseMs(one.id as SessionId)) ?? 0;
    expect(Date.now() - lastUseMs).toBeLessThan(10_000);
  });

  it('says SESSION_ENDED, the rule and what to do when nothing ran in it for as long', async () => {
    const one = await idle(61_000);
    const adopting = adoptSession(one, { ...options, isInUse: () => false });
    await expect(adopting).rejects.toMatchObject({ code: 'SESSION_ENDED', info: { ruleId: 'sessions.idle' } });
  });

  it('takes it over however long ago it was last used when something runs in it', async () => {
    // This process and its children stand in for the sandbox, and are more than process 1.
    expect((await adoptSession(await idle(3_600_000), options)).idleness.leftMs).toBeGreaterThan(50_000);
  });
});

describe('destroying a recorded session', () => {
  it('removes its container and its record, and no decoy', async () => {
    const one = running();
    await options.store.save(one);
    const decoy = engine.add({ name: 'paddock-decoy', labels: { ...onlyContainer().labels } });
    await destroyRecorded(one, options);
    expect(engine.containers).toEqual([decoy]);
    expect((await options.store.list()).records).toEqual([]);
    expect(audit.lines).toEqual([`session.destroy ${one.id} ok`]);
  });

  it('refuses a session that is attached to a live process', async () => {
    const alive = { ...options, isAlive: () => Promise.resolve(true) };
    await expect(destroyRecorded(running({ kind: 'attached' }), alive)).rejects.toMatchObject({
      code: 'SESSION_NOT_YOURS',
    });
    expect(engine.containers).toHaveLength(1);
  });
});
