import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toPaddockError } from '../../../src/core/errors.js';
import { systemClock } from '../../../src/kit/clock.js';
import { readProcessIdentity } from '../../../src/kit/process-identity.js';
import { newSessionId } from '../../../src/kit/random-id.js';
import { shownReview } from '../../../src/session/changes/shown-review.js';
import { fillLayer, leftOutNotes, refuseOtherProject } from '../../../src/session/layer-origin.js';
import type { NotedLayer } from '../../../src/session/layers.js';
import { Snapshots, type SnapshotWish } from '../../../src/session/snapshots.js';
import { DiscardMarks } from '../../../src/workspace/apply/discarded.js';
import { InMemoryAudit } from '../../unit/session/support/audit.js';
import { builtInit, builtSupport } from '../init/support/compiled.js';
import { file, folder, gone, lines, opaque, Trees } from '../workspace/support/trees.js';

const programs = { init: builtInit(), mark: builtSupport('test/native/workspace/support/mark.c') };
const mib = 1024 ** 2;

describe('snapshots of what a session has written', () => {
  let trees: Trees;
  let state: string;
  let audit: InMemoryAudit;
  let snapshots: Snapshots;
  let noted: NotedLayer;
  let elapsedMs: number;
  const clock = { ...systemClock, now: () => Date.now() + elapsedMs };

  beforeEach(() => {
    trees = new Trees(programs);
    trees.put('project', { changed: file('a'), gone: file('g'), old: folder({ below: file('b') }) });
    trees.put('upper', { changed: file('changed'), gone, old: opaque({ fresh: file('f') }) });
    state = mkdtempSync(join(tmpdir(), 'paddock-snapshots-'));
    [audit, elapsedMs] = [new InMemoryAudit(), 0];
    snapshots = new Snapshots({ folder: join(state, 'snapshots'), program: programs.init, clock, audit });
    const { layer } = trees;
    const [id, madeAtMs, keepMs] = [newSessionId(), Date.now(), 1000];
    noted = { id, layer, note: { version: 1, session: id, madeAtMs, keepMs, project: layer.project, sinceNs: '7' } };
  });
  afterEach(() => {
    trees[Symbol.dispose]();
    rmSync(state, { recursive: true });
  });

  const { signal } = new AbortController();
  const most = { mostBytes: 8 * mib, mostEntries: 100, mostTotalBytes: 1024 * mib };
  function take(wish: Partial<SnapshotWish> = {}) {
    return snapshots.take(noted, { ...most, keepMs: 1000, signal, ...wish });
  }

  it('keep it as it was, under an id and a name, with its digest in the audit log', async () => {
    const before = lines(await trees.review());
    const taken = await take({ name: 'first' });
    trees.put('upper', { later: file('later') });
    expect(await snapshots.get('first')).toEqual(taken);
    expect(await snapshots.get(taken.id)).toMatchObject({ session: noted.id, sinceNs: '7', leftOut: 0, entries: 4 });
    const origin = snapshots.originOf(taken);
    expect(lines(await trees.ofLayer({ ...trees.layer, upper: origin.upper }))).toEqual(before);
    expect(audit.lines).toEqual([`snapshot.take ${noted.id} ok`]);
    await expect(snapshots.get('second')).rejects.toMatchObject({ code: 'NO_SUCH_SNAPSHOT' });
  });

  it('belong to the key of their session: no other sees them, by id or by name, and each has names of its own', async () => {
    const parts = { folder: join(state, 'snapshots'), program: programs.init, clock, audit };
    const [ada, bob] = ['a', 'b'].map((letter) => letter.repeat(16));
    const of = (apiKey: string | undefined) => ({
      snapshots: new Snapshots({ ...parts, apiKey }),
      noted: { ...noted, note: { ...noted.note, apiKey } },
    });
    const [adas, bobs] = [of(ada), of(bob)];
    const wish = { ...most, keepMs: 1000, signal, name: 'same' };
    const first = await adas.snapshots.take(adas.noted, wish);
    await expect(bobs.snapshots.get('same')).rejects.toMatchObject({ code: 'NO_SUCH_SNAPSHOT' });
    await expect(bobs.snapshots.get(first.id)).rejects.toMatchObject({ code: 'NO_SUCH_SNAPSHOT' });
    const second = await bobs.snapshots.take(bobs.noted, wish);
    expect(await bobs.snapshots.get('same')).toEqual(second);
    expect(await adas.snapshots.list()).toEqual([first]);
    expect(await snapshots.list()).toHaveLength(2);
  });

  it('have the same digest for the same work, and another one for any other', async () => {
    const [one, same] = [await take(), await take()];
    expect(same.digest).toBe(one.digest);
    const digests = new Set([one.digest]);
    for (const change of [
      { changed: file('changed', 0o755) },
      { changed: file('other') },
      { old: opaque({ fresh: file('g') }) },
    ]) {
      for (const name of Object.keys(change)) rmSync(join(trees.layer.upper, name), { recursive: true });
      trees.put('upper', change);
      digests.add((await take()).digest);
    }
    expect(digests.size).toBe(4);
  });

  it('refuse a name that is taken, and leave nothing where copying fails', async () => {
    await take({ name: 'one' });
    await expect(take({ name: 'one' })).rejects.toMatchObject({ info: { ruleId: 'snapshot.name-taken' } });
    writeFileSync(join(trees.layer.upper, 'big'), Buffer.alloc(3 * mib, 1));
    await expect(take({ mostBytes: mib })).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' });
    expect(readdirSync(join(state, 'snapshots'))).toHaveLength(1);
    expect(audit.lines.at(-1)).toBe(`snapshot.take ${noted.id} SNAPSHOT_FAILED`);
  });

  it('are removed when asked, when their time is over, and where a crash left half of one', async () => {
    const [asked, over] = [await take(), await take()];
    const lasting = await take({ keepMs: 1_000_000_000 });
    await snapshots.remove(asked.id);
    const half = join(state, 'snapshots/snp_aaaaaaaaaaaaaaaa');
    mkdirSync(join(half, 'upper'), { recursive: true });
    expect(await snapshots.sweep(false)).toEqual([]);
    elapsedMs = 2000;
    expect(await snapshots.sweep(true)).toEqual([join(state, 'snapshots', over.id)]);
    utimesSync(half, 5, 5);
    expect([...(await snapshots.sweep(false))].sort()).toEqual([half, join(state, 'snapshots', over.id)].sort());
    expect(readdirSync(join(state, 'snapshots'))).toEqual([lasting.id]);
  });

  it('take no more room than all of them may, entries and all', async () => {
    const taken = await take();
    const takes = taken.bytes + 4 * 4096;
    await expect(take({ mostTotalBytes: takes })).rejects.toMatchObject({
      code: 'LIMIT_REACHED',
      info: { ruleId: 'admission.kept-changes', bytes: takes },
    });
    writeFileSync(join(trees.layer.upper, 'big'), Buffer.alloc(2 * mib, 1));
    await expect(take({ mostTotalBytes: takes + mib })).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' });
    await take({ mostTotalBytes: takes + 3 * mib });
    expect(await snapshots.list()).toHaveLength(2);
  });

  it('that are taken at once take no more room together than all may, and no name twice', async () => {
    writeFileSync(join(trees.layer.upper, 'big'), Buffer.alloc(3 * mib, 1));
    const outcomes = async (wishes: readonly Partial<SnapshotWish>[]) => {
      const results = await Promise.allSettled(wishes.map((wish) => take(wish)));
      return results.map(({ status }) => status).sort();
    };
    const many = Array.from({ length: 4 }, () => ({ mostTotalBytes: 4 * mib }));
    expect(await outcomes(many)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected']);
    expect(await outcomes([{ name: 'same' }, { name: 'same' }])).toEqual(['fulfilled', 'rejected']);
    expect(await snapshots.list()).toHaveLength(2);
  });

  it('of a key take no more room than it may, and wait for none of another key', async () => {
    const ours = 'a'.repeat(16);
    const of = (apiKey: string) => {
      const parts = { folder: join(state, 'snapshots'), program: programs.init, clock, audit };
      return new Snapshots({ ...parts, apiKey });
    };
    const takeFor = (apiKey: string, wish: Partial<SnapshotWish>) => {
      const own = { ...noted, note: { ...noted.note, apiKey } };
      return of(apiKey).take(own, { ...most, keepMs: 1000, signal, ...wish });
    };
    const { bytes } = await takeFor(ours, {});
    const mostOwnBytes = bytes + 4 * 4096;
    await expect(takeFor(ours, { mostOwnBytes })).rejects.toMatchObject({
      code: 'LIMIT_REACHED',
      info: { ruleId: 'key.snapshots', bytes: mostOwnBytes },
    });
    const waits = { ...clock, sleep: () => Promise.reject(new Error('waited')) };
    const parts = { folder: join(state, 'snapshots'), program: programs.init, clock: waits, audit };
    writeFileSync(join(state, `snapshots-${ours}.lock.1`), JSON.stringify(await readProcessIdentity(process.pid)));
    const theirs = { ...noted, note: { ...noted.note, apiKey: 'b'.repeat(16) } };
    const others = new Snapshots({ ...parts, apiKey: 'b'.repeat(16) });
    await others.take(theirs, { ...most, mostOwnBytes, keepMs: 1000, signal });
    const refused = await others
      .take(theirs, { ...most, mostTotalBytes: 1, mostOwnBytes: 1024 * mib, keepMs: 1000, signal })
      .catch(toPaddockError);
    expect(refused).toMatchObject({ code: 'LIMIT_REACHED', info: { ruleId: 'admission.kept-changes' } });
    expect(JSON.stringify(refused)).not.toContain(String(mostOwnBytes));
  });

  it('wait for the one that another process takes, and not for a process that is dead', async () => {
    const other = spawn('sleep', ['60']);
    await once(other, 'spawn');
    writeFileSync(join(state, 'snapshots.lock.1'), JSON.stringify(await readProcessIdentity(other.pid)));
    let waits = 0;
    const sleep = async () => {
      waits += 1;
      expect(await snapshots.list()).toEqual([]);
      other.kill('SIGKILL');
      await once(other, 'close');
    };
    const parts = { folder: join(state, 'snapshots'), program: programs.init, audit };
    const patient = new Snapshots({ ...parts, clock: { ...clock, sleep } });
    await patient.take(noted, { ...most, keepMs: 1000, signal });
    expect(waits).toBe(1);
    expect(await snapshots.list()).toHaveLength(1);
  });

  it('fail where their entries alone take the room that is left', async () => {
    const taken = await take();
    const takes = taken.bytes + 4 * 4096;
    const little = take({ mostTotalBytes: takes + taken.bytes + 3 * 4096 });
    await expect(little).rejects.toMatchObject({ code: 'LIMIT_REACHED', info: { bytes: takes } });
    expect(await snapshots.list()).toHaveLength(1);
  });

  it('are kept where their note can not be read, and said to be there, until somebody removes them', async () => {
    const later = await take({ name: 'later' });
    writeFileSync(join(state, 'snapshots', later.id, 'snapshot.json'), '{"version":2}');
    utimesSync(join(state, 'snapshots', later.id), 5, 5);
    elapsedMs = 1_000_000_000;
    expect(await snapshots.sweep(false)).toEqual([]);
    expect([await snapshots.list(), await snapshots.unreadable()]).toEqual([[], [later.id]]);
    await expect(snapshots.remove('later')).rejects.toMatchObject({ code: 'NO_SUCH_SNAPSHOT' });
    await snapshots.remove(later.id);
    expect(readdirSync(join(state, 'snapshots'))).toEqual([]);
    expect(audit.lines.at(-1)).toBe('snapshot.remove - ok');
  });

  it('fail where it takes too long to read them, as holes may be of any length', async () => {
    writeFileSync(join(trees.layer.upper, 'hole'), '');
    truncateSync(join(trees.layer.upper, 'hole'), 2 ** 42);
    const parts = { folder: join(state, 'snapshots'), program: programs.init, clock, audit };
    const hasty = new Snapshots({ ...parts, digestWithinMs: 50 });
    const taken = hasty.take(noted, { ...most, keepMs: 1000, signal });
    await expect(taken).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' });
    expect(readdirSync(join(state, 'snapshots'))).toEqual([]);
  });

  it('keep what was discarded discarded, and so does a session that begins with them', async () => {
    const shownOf = async (folder: string, upper: string) => {
      const layer = { ...trees.layer, folder, upper };
      return lines(await shownReview(layer, await trees.ofLayer(layer)));
    };
    const { folder, upper } = trees.layer;
    const marks = await DiscardMarks.of(folder);
    const all = await trees.review();
    await marks.add(all.changes.filter(({ path }) => path === 'changed' || path === 'gone' || path === 'old/fresh'));
    writeFileSync(join(upper, 'old/fresh'), 'f again');
    const shown = await shownOf(folder, upper);
    expect(shown).toHaveLength(lines(all).length - 2);
    const origin = snapshots.originOf(await take());
    expect(await shownOf(origin.folder, origin.upper)).toEqual(shown);
    const filled = { folder: join(trees.top, 'filled'), upper: join(trees.top, 'filled/upper') };
    mkdirSync(filled.upper, { recursive: true });
    await fillLayer(origin, filled, { ...most, program: programs.init, clock, signal });
    expect(await shownOf(filled.folder, filled.upper)).toEqual(shown);
    writeFileSync(join(filled.upper, 'changed'), 'once more');
    expect(await shownOf(filled.folder, filled.upper)).toHaveLength(shown.length + 1);
  });

  it('know what was applied before, and so does a session that begins with them', async () => {
    const note = `${JSON.stringify({ path: 'changed', is: 'file 1 2 420 7 8 9' })}\n`;
    writeFileSync(join(trees.layer.folder, 'applied.jsonl'), note);
    const origin = snapshots.originOf(await take());
    const filled = { folder: join(trees.top, 'filled'), upper: join(trees.top, 'filled/upper') };
    mkdirSync(filled.upper, { recursive: true });
    await fillLayer(origin, filled, { ...most, program: programs.init, clock, signal });
    for (const { folder } of [origin, filled]) {
      expect(readFileSync(join(folder, 'applied.jsonl'), 'utf8').trim()).toBe(note.trim());
    }
  });

  it('say what they have left out to who begins with them, too', async () => {
    writeFileSync(join(trees.layer.upper, 'closed'), '', { mode: 0 });
    const server = createServer().listen(join(trees.layer.upper, 'socket'));
    await once(server, 'listening');
    const taken = await take();
    server.close();
    const origin = snapshots.originOf(taken);
    const upper = join(trees.top, 'fresh');
    mkdirSync(upper);
    const into = { folder: join(trees.top, 'filled'), upper };
    const filled = await fillLayer(origin, into, { ...most, program: programs.init, clock, signal });
    expect(taken.leftOut).toBeGreaterThan(0);
    expect(filled.leftOut).toBe(taken.leftOut);
    expect(leftOutNotes(origin, filled)).toEqual([expect.stringContaining(`${taken.leftOut} sockets`)]);
    expect(leftOutNotes(origin, { ...filled, leftOut: 0 })).toEqual([]);
  });

  it('fill the layer of a session over the same project, and of no other', async () => {
    const origin = snapshots.originOf(await take());
    const upper = join(trees.top, 'fresh');
    mkdirSync(upper);
    await fillLayer(
      origin,
      { folder: join(trees.top, 'filled'), upper },
      { program: programs.init, mostBytes: mib, mostEntries: 100, clock, signal },
    );
    expect(lines(await trees.ofLayer({ ...trees.layer, upper }))).toEqual(lines(await trees.review()));
    expect(() => refuseOtherProject(origin, trees.layer.project)).not.toThrow();
    for (const shown of [undefined, { ...trees.layer.project, ino: '1' }]) {
      expect(() => refuseOtherProject(origin, shown)).toThrow(expect.objectContaining({ ruleId: 'workspace.origin' }));
    }
  });
});
