import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labels } from '../../src/core/labels.js';
import { systemClock } from '../../src/kit/clock.js';
import { isAlive } from '../../src/kit/process-identity.js';
import { pruneSessions } from '../../src/session/prune.js';
import type { SessionRecord } from '../../src/session/record.js';
import { emptyRootTar, engineKinds, sleeperBody, uniqueName } from './support/engines.js';
import { Stage } from './support/stage.js';

// A start time that no process has: the owner of that identity has ended.
const endedOwner = ({ self }: Stage) => ({ ...self, startTimeTicks: self.startTimeTicks + 1 });

describe.each(engineKinds)('pruning on rootless %s', (kind) => {
  let stage: Stage;
  const image = `localhost/${uniqueName('paddock-prune-test')}:1`;
  const decoys: string[] = [];

  beforeAll(async () => {
    stage = await Stage.open(kind);
    await stage.engine.importImage(image, emptyRootTar());
  });
  afterAll(async () => {
    for (const id of decoys) await stage.engine.removeContainer(id);
    await stage.engine.removeImage(image);
    await stage[Symbol.asyncDispose]();
  });

  async function decoy(name: string, forged: Record<string, string>): Promise<string> {
    const { id } = await stage.engine.createContainer(name, sleeperBody(kind, image, forged));
    decoys.push(id);
    await stage.engine.startContainer(id);
    return id;
  }

  const prune = (isDryRun = false) =>
    pruneSessions({
      ...{ store: stage.store, engine: stage.engine, audit: stage.audit, clock: systemClock, isAlive, isDryRun },
      ...{ bootId: stage.self.bootId, runtimeDir: stage.stateDir, pendingWaitMs: 500 },
    });

  it('takes the sessions of a process that was killed, and neither decoys nor sessions of a live one', async () => {
    const killed = stage.newSessions('attached', endedOwner(stage));
    await using living = stage.newSessions('attached');
    const [lost, cutOff, alive] = await Promise.all([
      killed.create({ workspace: 'none' }),
      killed.create({ workspace: 'none' }),
      living.create({ workspace: 'none' }),
    ]);
    // Killed between the engine's answer and the second write of its record.
    const early: SessionRecord = { ...cutOff.record, state: 'creating' };
    delete early.container;
    delete early.evidence;
    await stage.store.save(early);
    const sameLabels = { [labels.session]: lost.id, [labels.nonce]: lost.record.nonce };
    const forgedId = await decoy(`${lost.record.containerName}-1`, sameLabels);
    const strangeId = await decoy(uniqueName('paddock'), { [labels.session]: `pdk_${'a'.repeat(26)}` });

    const rehearsal = await prune(true);
    const report = await prune();

    expect(report.removed.map((r) => [r.sessionId, r.why])).toEqual(
      [
        [lost.id, 'owner-ended'],
        [cutOff.id, 'creation-cut-off'],
      ].sort(),
    );
    expect({ ...rehearsal, isDryRun: false }).toEqual(report);
    expect(report.kept).toEqual([{ sessionId: alive.id, why: 'owner-alive' }]);
    const foreign = report.foreign.filter((f) => decoys.includes(f.containerId));
    expect(new Set(foreign.map((f) => [f.containerId, f.why].join()))).toEqual(
      new Set([`${forgedId},not-proven`, `${strangeId},no-record`]),
    );
    for (const id of [forgedId, strangeId]) expect((await stage.engine.inspectContainer(id)).running).toBe(true);
    expect(alive.sandbox.alive).toBe(true);
    expect(lost.sandbox.alive || cutOff.sandbox.alive).toBe(false);
    expect((await stage.store.list()).records.map((r) => r.id)).toEqual([alive.id]);
    expect(await stage.engine.listContainers([`${labels.session}=${lost.id}`])).toHaveLength(1);
  });

  it('takes a detached session at its deadline and keeps it before', async () => {
    const detached = stage.newSessions('detached', endedOwner(stage));
    const { id, record } = await detached.create({ workspace: 'none' });
    expect((await prune()).kept).toEqual([{ sessionId: id, why: 'not-expired' }]);
    await stage.store.save({ ...record, deadlineAtMs: Date.now() - 1 });
    expect((await prune()).removed).toMatchObject([{ sessionId: id, why: 'expired' }]);
    expect(await stage.store.load(id)).toBeUndefined();
    expect(await stage.engine.listContainers([`${labels.session}=${id}`])).toEqual([]);
  });
});
