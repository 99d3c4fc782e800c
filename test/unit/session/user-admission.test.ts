import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readProcessIdentity } from '../../../src/kit/process-identity.js';
import { pidNamespaceOf, startTicksOf } from '../../../src/sandbox/processes.js';
import { recordSchema, type SessionRecord } from '../../../src/session/record.js';
import { RecordStore } from '../../../src/session/store.js';
import { userAdmission } from '../../../src/session/user-admission.js';
import { context } from '../policy/support/context.js';
import { HeldClock } from '../tools/support/stage.js';
import { record } from './support/records.js';

const gib = 1024 ** 3;
const signal = new AbortController().signal;

describe('what counts of the sessions that other processes made', () => {
  let folder = '';
  let store: RecordStore;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-admission-'));
    store = new RecordStore(join(folder, 'state'), join(folder, 'run'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** A record of a session whose process 1 is this test, as is its owner. */
  async function living(memoryBytes: number, changes: Partial<SessionRecord> = {}): Promise<SessionRecord> {
    const owner = await readProcessIdentity();
    const namespace = pidNamespaceOf(process.pid);
    const initStartTicks = startTicksOf(process.pid);
    if (owner === undefined || namespace === undefined || initStartTicks === undefined) throw new Error('no /proc');
    const one = record({ owner, container: { id: 'c', initPid: process.pid, namespace, initStartTicks }, ...changes });
    const spec = { ...one.spec, limits: { ...one.spec.limits, memoryBytes } };
    return { ...one, spec };
  }

  async function judge(isAlive?: () => Promise<boolean>) {
    const admission = { ...context().sitePolicy.admission, memoryPercent: 100, freeMemoryBytes: 0, waitMs: 0 };
    const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    return userAdmission({
      ...{ store, policy: context({ admission }), clock: new HeldClock(), bootId, ...(isAlive && { isAlive }) },
      room: () => ({ memoryBytes: 10 * gib, availableBytes: undefined }),
    });
  }

  const asked = { id: 'asked', memoryBytes: 3 * gib, cpuMillis: 1 };

  it('is what living ones were promised, also while an update gives them more, and nothing of those that have ended', async () => {
    const gate = await judge();
    const promised = { memoryBytes: 6 * gib, cpuMillis: 1 };
    await store.save(await living(5 * gib));
    await store.save(
      await living(90 * gib, { container: { id: 'c', initPid: process.pid, namespace: 'pid:[1]', initStartTicks: 1 } }),
    );
    (await gate.admit(asked, signal))();
    const growing = await living(gib, { promised });
    await store.save(growing);
    await expect(gate.admit(asked, signal)).rejects.toMatchObject({ info: { memoryBytes: 14 * gib } });
    await store.save({ ...(await living(gib)), id: growing.id });
    (await gate.admit({ ...asked, memoryBytes: 4 * gib }, signal))();
  });

  it('is also what those were that can not be seen, as a server in a container has them, until it is proven to be gone', async () => {
    const one = await living(8 * gib, { container: { id: 'c', initPid: 0, namespace: 'pid:[1]', initStartTicks: 1 } });
    await store.save(one);
    await expect((await judge()).admit(asked, signal)).rejects.toMatchObject({ info: { memoryBytes: 11 * gib } });
    await store.save({ ...one, owner: { ...one.owner, pidNamespace: 'pid:[2]' } });
    await expect((await judge()).admit(asked, signal)).rejects.toMatchObject({ info: { memoryBytes: 11 * gib } });
    (await (await judge(() => Promise.resolve(false))).admit(asked, signal))();
  });

  it('is read again only where something was written', async () => {
    const gate = await judge();
    const records = await Promise.all([1, 2, 3].map(() => living(gib)));
    for (const one of records) await store.save(one);
    const parsed = vi.spyOn(recordSchema, 'safeParse');
    try {
      for (let looks = 0; looks < 4; looks += 1) (await gate.admit(asked, signal))();
      expect(parsed).toHaveBeenCalledTimes(3);
      const [first] = records;
      if (first !== undefined) await store.save({ ...(await living(6 * gib)), id: first.id });
      await expect(gate.admit(asked, signal)).rejects.toMatchObject({ info: { memoryBytes: 11 * gib } });
      expect(parsed).toHaveBeenCalledTimes(4);
    } finally {
      parsed.mockRestore();
    }
  });
});
