import { execFileSync } from 'node:child_process';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, mkdtemp, open, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SessionId } from '../../../src/core/ids.js';
import { systemClock } from '../../../src/kit/clock.js';
import { isAlive, readProcessIdentity } from '../../../src/kit/process-identity.js';
import { newSessionId } from '../../../src/kit/random-id.js';
import { claim } from '../../../src/session/control/claim.js';
import { claimSession } from '../../../src/session/control/claim-session.js';
import { pruneSessions } from '../../../src/session/prune.js';
import { RecordStore } from '../../../src/session/store.js';
import { InMemoryAudit } from './support/audit.js';
import { InMemoryEngine } from './support/in-memory-engine.js';
import { bootId, record } from './support/records.js';

const draft = `.note-${'a'.repeat(12)}`;

describe('what crashes leave of channels', () => {
  let folder = '';
  let store: RecordStore;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-channels-'));
    store = new RecordStore(folder, join(folder, 'run'));
    await mkdir(dirname(store.keeperPath), { recursive: true });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const prune = (isDryRun: boolean) =>
    pruneSessions({
      ...{ store, engine: new InMemoryEngine(), audit: new InMemoryAudit(), clock: systemClock },
      ...{ bootId, isAlive, runtimeDir: join(folder, 'run'), isDryRun },
    });

  const age = async (path: string, ms = 61_000) => {
    const at = new Date(systemClock.now() - ms);
    await utimes(path, at, at);
  };

  /** A folder with these files, made so long ago that it can't be of a session that begins just now. */
  async function channel(id = newSessionId(), files: readonly string[] = []): Promise<string> {
    const made = store.makeChannelFolder(id);
    for (const name of files) {
      await writeFile(join(made, name), '{"free":true}');
      await age(join(made, name));
    }
    await age(made);
    return made;
  }

  /** Says first what it would remove, which then is what it removes. */
  async function pruned(): Promise<readonly string[]> {
    const before = await readdir(folder, { recursive: true });
    const { files } = await prune(true);
    expect(await readdir(folder, { recursive: true })).toEqual(before);
    expect((await prune(false)).files).toEqual(files);
    return files;
  }

  it('are folders of sessions without a record, whose holder is dead, and half-written notes', async () => {
    const dead = { ...(await readProcessIdentity()), startTimeTicks: 1 };
    const left = [await channel(), await channel(newSessionId(), ['control.sock.1', draft])];
    const killed = await channel(newSessionId(), ['control.sock.4']);
    await writeFile(join(killed, 'control.sock.4'), JSON.stringify(dead));
    execFileSync('mkfifo', ['-m', '600', join(killed, 'in')]);
    await age(killed);
    for (const note of [draft, 'control.sock.7']) {
      await writeFile(join(dirname(store.keeperPath), note), '');
      await age(join(dirname(store.keeperPath), note));
    }
    const note = join(dirname(store.keeperPath), draft);
    expect([...(await pruned())].sort()).toEqual([...left, killed, note].sort());
    expect(await readdir(store.channelsFolder)).toEqual([]);
    expect(await readdir(dirname(store.keeperPath))).toEqual(['control.sock.7']);
  });

  it('are not the folders of sessions that are kept, but half-written notes in these', async () => {
    const kept = record({ kind: 'detached', owner: { pid: process.pid, startTimeTicks: 5, bootId } });
    const held = record({ owner: (await readProcessIdentity()) ?? kept.owner });
    await store.save(held);
    const made = await channel(held.id as SessionId, [draft, 'control.sock.2']);
    await writeFile(join(store.folder, `${kept.id}.json`), 'not to be read');
    await channel(kept.id as SessionId);
    expect(await pruned()).toEqual([join(made, draft)]);
    expect(await readdir(made)).toEqual(['control.sock.2']);
    expect(await readdir(store.channelsFolder)).toHaveLength(2);
  });

  it('go with the sessions that are removed, and are not named a second time', async () => {
    const over = record();
    await store.save(over);
    await channel(over.id as SessionId, [draft]);
    expect(await pruned()).toEqual([]);
    expect(await readdir(store.channelsFolder)).toEqual([]);
  });

  it('are not folders that somebody has claimed, or uses, or has just made', async () => {
    const claimed = await channel();
    const held = await claim(join(claimed, 'control.sock'));
    await age(claimed);
    const used = [await channel(), await channel()];
    const ends: FileHandle[] = [];
    for (const [n, made] of used.entries()) {
      const pipes = n === 0 ? made : join(made, 'io');
      await mkdir(pipes, { recursive: true });
      execFileSync('mkfifo', ['-m', '600', join(pipes, 'in')]);
      ends.push(await open(join(pipes, 'in'), constants.O_RDONLY | constants.O_NONBLOCK));
      await age(made);
    }
    store.makeChannelFolder(newSessionId());
    await mkdir(join(store.channelsFolder, 'doctor'));
    await age(join(store.channelsFolder, 'doctor'));
    expect(await pruned()).toEqual([]);
    for (const end of ends) await end.close();
    expect([...(await pruned())].sort()).toEqual(used.sort());
    expect(await readdir(store.channelsFolder)).toHaveLength(3);
    await held[Symbol.asyncDispose]();
  });

  it('do not come from whoever claims a session that has just been removed', async () => {
    await mkdir(store.channelsFolder, { recursive: true });
    await expect(claimSession(store, newSessionId())).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    expect(await readdir(store.channelsFolder)).toEqual([]);
  });
});
