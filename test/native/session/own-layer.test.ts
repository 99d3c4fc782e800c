import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/kit/clock.js';
import { newSessionId } from '../../../src/kit/random-id.js';
import { applyLayer } from '../../../src/session/changes/apply-layer.js';
import { discardLayer } from '../../../src/session/changes/discard-layer.js';
import { fillLayer } from '../../../src/session/layer-origin.js';
import { endLayer, layerOf, requireLayer } from '../../../src/session/layers.js';
import { sweepRecordFolder } from '../../../src/session/left-over-files.js';
import { Snapshots } from '../../../src/session/snapshots.js';
import { RecordStore } from '../../../src/session/store.js';
import { writeLayerNote } from '../../../src/workspace/layer-note.js';
import { InMemoryAudit } from '../../unit/session/support/audit.js';
import { compile } from '../../unit/workspace/apply/support/compiled.js';
import { Ground } from '../../unit/workspace/apply/support/ground.js';
import { builtInit } from '../init/support/compiled.js';

const program = builtInit();
const { signal } = new AbortController();
/** Waits for nobody, however long it is told to. */
const clock = { ...systemClock, sleep: () => Promise.resolve() };
const copying = { program, clock, mostBytes: 1024 ** 2, mostEntries: 100, signal };

describe('a layer that another process works on', () => {
  let compiled: string;
  let owner: string;
  beforeAll(() => {
    compiled = mkdtempSync(join(tmpdir(), 'paddock-owner-'));
    owner = compile(compiled, '../../../../native/session/support/owner-child.ts');
  });
  afterAll(() => rmSync(compiled, { recursive: true }));

  let ground: Ground;
  let store: RecordStore;
  let audit: InMemoryAudit;
  let children: ChildProcess[];
  const id = newSessionId();
  const path = () => store.layerFolder(id);

  beforeEach(async () => {
    [ground, audit, children] = [new Ground(), new InMemoryAudit(), []];
    store = new RecordStore(join(ground.top, 'state'), join(ground.top, 'run'), clock);
    mkdirSync(join(path(), 'upper'), { recursive: true });
    writeFileSync(join(path(), 'upper/a'), 'x');
    const { project } = ground.layer;
    await writeLayerNote(path(), {
      ...{ version: 1, session: id, madeAtMs: 0, project, sinceNs: '1', keepMs: 1000 },
    });
  });
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
    ground[Symbol.dispose]();
  });

  async function owned(): Promise<ChildProcess> {
    const child = spawn(process.execPath, [owner, path()], { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(child);
    await once(child.stdout, 'data');
    return child;
  }

  async function ended(child: ChildProcess, how: 'killed' | 'done'): Promise<void> {
    const closed = once(child, 'close');
    if (how === 'killed') child.kill('SIGKILL');
    else child.stdin?.end('\n');
    await closed;
  }

  const parts = () => ({
    ...{ audit, withhold: [], env: {}, removeLayer: undefined },
    review: () => Promise.resolve({ changes: [], isComplete: true, cutBecause: [] }),
  });
  const work = async () => {
    const noted = await requireLayer(store, id);
    const upper = join(ground.top, `copy-${readdirSync(ground.top).length}`);
    mkdirSync(upper);
    const { layer } = noted;
    const folder = join(ground.top, 'snapshots');
    const snapshots = new Snapshots({ folder, program, clock, audit });
    return {
      apply: () => applyLayer(id, layer, {}, parts(), signal),
      discard: () => discardLayer(id, layer, {}, parts(), signal),
      fork: () => fillLayer({ ...layer, from: 'it' }, { folder: ground.top, upper }, copying),
      snapshot: () => snapshots.take(noted, { ...copying, keepMs: 1000, mostTotalBytes: 1024 ** 3 }),
    };
  };

  it('is neither applied, discarded, copied nor ended, and all of that once the other one is done', async () => {
    const child = await owned();
    for (const run of Object.values(await work())) await expect(run()).rejects.toMatchObject({ code: 'LAYER_BUSY' });
    await endLayer(path(), clock);
    expect((await layerOf(store, id))?.note.kept).toBeUndefined();
    await ended(child, 'done');
    for (const run of Object.values(await work())) await expect(run()).resolves.toBeDefined();
    await endLayer(path(), clock);
    expect((await layerOf(store, id))?.note.kept).toBeDefined();
  });

  it('is taken over where the other one was killed', async () => {
    await ended(await owned(), 'killed');
    for (const run of Object.values(await work())) await expect(run()).resolves.toBeDefined();
  });

  it('stays beyond its time, until a prune finds nobody at work', async () => {
    await endLayer(path(), clock);
    const child = await owned();
    const late = { ...clock, now: () => Date.now() + 10_000 };
    const sweep = () => sweepRecordFolder(store, { clock: late, audit, isDryRun: false });
    expect(await sweep()).toEqual([]);
    expect([existsSync(path()), audit.lines]).toEqual([true, []]);
    await ended(child, 'done');
    expect(await sweep()).toEqual([path()]);
    expect([readdirSync(store.layersFolder), audit.lines]).toEqual([[], [`changes.expire ${id} ok`]]);
  });

  it('is waited for where a session ends or another begins with it', async () => {
    const child = await owned();
    let waits = 0;
    const patient = {
      ...systemClock,
      sleep: async () => {
        waits += 1;
        if (waits === 3) await ended(child, 'done');
      },
    };
    await endLayer(path(), patient);
    expect([waits, (await layerOf(store, id))?.note.kept !== undefined]).toEqual([3, true]);
  });

  it('may have been removed by it: then there is nothing to work on', async () => {
    const late = await work();
    rmSync(path(), { recursive: true });
    await expect(late.apply()).rejects.toMatchObject({ code: 'NO_SUCH_SESSION' });
    await expect(late.fork()).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' });
    expect(readdirSync(store.layersFolder)).toEqual([]);
  });
});
