import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AuditError, PaddockError } from '../../../src/core/errors.js';
import type { SessionId } from '../../../src/core/ids.js';
import { systemClock } from '../../../src/kit/clock.js';
import { keptOf, plainWords } from '../../../src/session/changes/kept-words.js';
import { sealEnded } from '../../../src/session/layers.js';
import { sweepRecordFolder } from '../../../src/session/left-over-files.js';
import { isSealDue, type Sealing } from '../../../src/session/sealing.js';
import { readLayerNote, writeLayerNote } from '../../../src/workspace/layer-note.js';
import type { Seals } from '../../../src/workspace/sealed/seals.js';
import { builtInit, builtSupport } from '../init/support/compiled.js';
import { file, lines } from '../workspace/support/trees.js';
import { Kept } from './support/kept.js';

const programs = { init: builtInit(), mark: builtSupport('test/native/workspace/support/mark.c') };
const canary = 'canary-2c6f';
const sealedNames = ['layer.json', 'notes.age', 'upper.age'];

describe('encrypting what a session has left, where something fails on the way', () => {
  let kept: Kept;
  beforeEach(async () => {
    kept = new Kept(programs);
    await kept.addKey();
    kept.trees.put('project', { changed: file('a') });
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    kept[Symbol.dispose]();
  });

  const fill = (upper: string) => {
    for (const name of ['changed', 'one', 'two']) writeFileSync(join(upper, name), canary);
  };
  const all = ['modified changed', 'added one', 'added two'];
  const folderOf = (id: string) => kept.store.layerFolder(id as never);
  const noteOf = async (id: string) => (await readLayerNote(folderOf(id))) ?? expect.fail('there is no note');
  /** An ended session, not encrypted yet. */
  async function ended(): Promise<string> {
    const id = await kept.session(fill);
    kept.isOn = false;
    await kept.store.remove(id);
    kept.isOn = true;
    return id;
  }
  const sealing = (change: (seals: Seals) => unknown): Sealing => {
    const { seals } = kept;
    change(seals);
    return { seals, audit: () => Promise.resolve(kept.audit) };
  };
  const sealWith = (id: string, parts: Sealing) => sealEnded(folderOf(id), systemClock, parts);
  const prune = (laterMs = 0) => {
    const clock = { ...systemClock, now: () => Date.now() + laterMs };
    return sweepRecordFolder(kept.store, { clock, audit: kept.audit, isDryRun: false });
  };

  it('is encrypted and stays so, with what opens it, where its outcome can not be recorded', async () => {
    const id = await ended();
    vi.spyOn(kept.audit, 'intent').mockResolvedValueOnce({
      id: '1',
      outcome: () => Promise.reject(new AuditError('AUDIT_UNWRITABLE', 'the disk is full')),
    });
    await sealWith(
      id,
      sealing(() => undefined),
    );
    expect((await noteOf(id)).sealed).toBeDefined();
    expect(readdirSync(folderOf(id)).sort()).toEqual(sealedNames);
    expect(lines(await kept.shown(id))).toEqual(all);
  });

  it('says what it could not remove in clear, keeps what opens it, and removes that later', async () => {
    const id = await ended();
    const failing = sealing((seals) => {
      vi.spyOn(seals, 'dropPlain').mockImplementation(async (folder) => {
        // In the midst of it.
        rmSync(join(folder, 'upper/one'));
        await Promise.reject(new PaddockError('STATE_UNWRITABLE', 'the disk does not answer'));
      });
    });
    await sealWith(id, failing);
    const note = await noteOf(id);
    expect(note).toMatchObject({
      sealed: { id: expect.any(String) as string },
      kept: { plainBecause: 'STATE_UNWRITABLE' },
    });
    const words = plainWords((await keptOf(kept.store, id as SessionId)) ?? expect.fail());
    expect(words).toBe('encrypted, but NOT YET REMOVED in clear (STATE_UNWRITABLE), the next `paddock prune` goes on');
    expect(lines(await kept.shown(id))).toEqual(all);
    const triedAtMs = note.kept?.triedAtMs ?? 0;
    expect(await isSealDue(folderOf(id), note, failing, triedAtMs + 14 * 60_000)).toBe(false);
    expect(await isSealDue(folderOf(id), note, failing, triedAtMs + 15 * 60_000)).toBe(true);
    await prune(16 * 60_000);
    expect(readdirSync(folderOf(id)).sort()).toEqual(sealedNames);
    expect(plainWords((await keptOf(kept.store, id as SessionId)) ?? expect.fail())).toBeUndefined();
    expect(kept.holding(canary)).toEqual([]);
    expect(lines(await kept.shown(id))).toEqual(all);
  });

  it('never takes the rest of what is being removed for all of it, whatever the note says', async () => {
    const id = await ended();
    await sealWith(
      id,
      sealing(() => undefined),
    );
    const [folder, note] = [folderOf(id), await noteOf(id)];
    const before = readFileSync(join(folder, 'upper.age'));
    mkdirSync(join(folder, 'upper'));
    fill(join(folder, 'upper'));
    renameSync(join(folder, 'upper'), join(folder, 'upper.gone'));
    await writeLayerNote(folder, { ...note, sealed: undefined });
    await prune();
    expect((await noteOf(id)).kept).toMatchObject({ plainBecause: 'SNAPSHOT_FAILED' });
    expect(readFileSync(join(folder, 'upper.age')).equals(before)).toBe(true);
    await writeLayerNote(folder, note);
    await kept.seals.dropPlain(folder);
    expect(readdirSync(folder).sort()).toEqual(sealedNames);
    expect(lines(await kept.shown(id))).toEqual(all);
  });

  it("asks Podman for the overlay's scratch that is closed to us, and waits for that with nothing else", async () => {
    const id = await ended();
    const podman = (does: string) =>
      writeFileSync(join(kept.trees.top, 'podman'), `#!/bin/sh\n${does}\n`, { mode: 0o755 });
    vi.stubEnv('PATH', `${kept.trees.top}:${process.env['PATH'] ?? ''}`);
    // As little a folder that we could look into.
    writeFileSync(join(folderOf(id), 'work'), '');
    podman('exit 1');
    await sealWith(
      id,
      sealing(() => undefined),
    );
    expect(await noteOf(id)).toMatchObject({ sealed: {}, kept: { plainBecause: 'STATE_UNWRITABLE' } });
    expect(readdirSync(folderOf(id)).sort()).toEqual([...sealedNames, 'work']);
    podman('[ "$1" = unshare ] && shift && exec "$@"');
    await prune();
    expect(readdirSync(folderOf(id)).sort()).toEqual(sealedNames);
    expect((await noteOf(id)).kept).not.toHaveProperty('plainBecause');
  });

  it('is tried for every layer, though one of them fails', async () => {
    const ids = [await ended(), await ended()].sort();
    const [first = '', second = ''] = readdirSync(kept.store.layersFolder).filter((name) => ids.includes(name));
    const note = { ...(await noteOf(first)), kept: undefined };
    // It has no end noted, and can't get one.
    await writeLayerNote(folderOf(first), note);
    rmSync(join(folderOf(first), 'upper'), { recursive: true });
    writeFileSync(join(folderOf(first), 'upper'), 'no folder');
    await expect(prune(3_600_000)).rejects.toThrow();
    expect((await noteOf(second)).sealed).toBeDefined();
  });

  it('leaves nothing of one that was killed meanwhile', async () => {
    const id = await ended();
    const half = ['upper', 'notes'].map((name) => `${name}.age.${'a'.repeat(8)}.tmp`);
    for (const name of half) writeFileSync(join(folderOf(id), name), 'half');
    kept.isOn = false;
    await prune();
    expect(readdirSync(folderOf(id)).sort()).toEqual(['layer.json', 'upper']);
    kept.isOn = true;
    for (const name of half) writeFileSync(join(folderOf(id), name), 'half');
    renameSync(kept.keyFile, `${kept.keyFile}.away`);
    await prune();
    expect(readdirSync(folderOf(id)).sort()).toEqual(['layer.json', 'upper']);
  });
});
