import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApiKey, goodHashes, stateOf } from '../../../src/keys/key.js';
import { hashOf, isKeySecret } from '../../../src/keys/key-secret.js';
import { KeyStore } from '../../../src/keys/key-store.js';
import { systemClock } from '../../../src/kit/clock.js';
import { makeUnreadable } from './support/unreadable.js';
import { wish } from './support/wish.js';

const hourMs = 3_600_000;
let state: string;
let nowMs: number;
let store: KeyStore;

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'pdk-keys-'));
  nowMs = Date.now();
  store = new KeyStore(join(state, 'keys'), { ...systemClock, now: () => nowMs });
});

afterEach(() => rm(state, { recursive: true, force: true }));

async function only(): Promise<ApiKey> {
  const { keys } = await store.list();
  expect(keys).toHaveLength(1);
  return keys[0] as ApiKey;
}

describe('an API key', () => {
  it('is kept as a hash, in files that nobody else can read', async () => {
    const { secret, key } = await store.create(wish('ci'));
    expect(isKeySecret(secret.reveal())).toBe(true);
    expect(key.grant.id).toBe(hashOf(secret.reveal()).slice(0, 16));
    const folder = join(state, 'keys', 'ci');
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect(await readFile(path, 'utf8')).not.toContain(secret.reveal().slice(6));
    }
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect(goodHashes(await only(), nowMs)).toEqual([hashOf(secret.reveal())]);
  });

  it('has a name that no other gets, also once it is revoked', async () => {
    await store.create(wish('ci'));
    await expect(store.create(wish('ci'))).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await store.revoke('ci');
    await expect(store.create(wish('ci'))).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    expect(await readdir(join(state, 'keys'))).toEqual(['ci']);
  });

  it('is made once when two make it at the same time', async () => {
    const both = await Promise.allSettled([store.create(wish('ci')), store.create(wish('ci'))]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await only();
  });

  it('takes the secret before the newest until its grace is over, and none before that', async () => {
    const first = await store.create(wish('ci'));
    const second = await store.rotate('ci', hourMs);
    const third = await store.rotate('ci', hourMs);
    const hashes = [first, second, third].map(({ secret }) => hashOf(secret.reveal()));
    expect(goodHashes(await only(), nowMs + hourMs - 1)).toEqual([hashes[2], hashes[1]]);
    expect(goodHashes(await only(), nowMs + hourMs)).toEqual([hashes[2]]);
    expect((await only()).grant.id).toBe(first.key.grant.id);
  });

  it('has each secret that somebody was given when several rotate it at the same time', async () => {
    const first = await store.create(wish('ci'));
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => store.rotate('ci', 0)));
    const given = all.flatMap((one) => (one.status === 'fulfilled' ? [hashOf(one.value.secret.reveal())] : []));
    // One that came late enough to see another's rotates it once more.
    const kept = (await only()).secrets.map(({ hash }) => hash);
    expect(kept.toSorted()).toEqual([hashOf(first.secret.reveal()), ...given].toSorted());
    for (const one of all) {
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'BAD_ARGUMENT' });
    }
  });

  it('is good for nothing once it is revoked, and no rotation brings it back', async () => {
    await store.create(wish('ci'));
    expect(await store.revoke('ci')).toBe(true);
    expect(await store.revoke('ci')).toBe(false);
    expect(stateOf(await only(), nowMs)).toBe('revoked');
    expect(goodHashes(await only(), nowMs)).toEqual([]);
    await expect(store.rotate('ci', 0)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });

  it('is good until it expires', async () => {
    await store.create({ ...wish('ci'), expiresAtMs: nowMs + 1 });
    expect(stateOf(await only(), nowMs)).toBe('good');
    expect(goodHashes(await only(), nowMs + 1)).toEqual([]);
    nowMs += 1;
    await expect(store.rotate('ci', 0)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });

  it('is not taken for an older state of itself when its newest secret can not be read', async () => {
    await store.create(wish('ci'));
    await store.rotate('ci', 0);
    await writeFile(join(state, 'keys', 'ci', 'secret-2.json'), '{"torn');
    expect(await store.list()).toEqual({ keys: [], unreadable: ['ci'], unknown: [] });
    expect(await store.revoke('ci')).toBe(true);
  });

  it.each(['grant.json', 'secret-1.json'])('is not taken for gone when its %s can not be read now', async (file) => {
    const { key } = await store.create(wish('ci'));
    const heal = await makeUnreadable(join(state, 'keys', 'ci', file));
    expect(await store.list()).toEqual({ keys: [], unreadable: [], unknown: ['ci'] });
    await expect(store.rotate('ci', 0)).rejects.toMatchObject({ code: 'STATE_UNREADABLE' });
    await heal();
    expect(await only()).toEqual(key);
  });

  it('is not used from a folder that others can write to', async () => {
    await store.create(wish('ci'));
    await chmod(join(state, 'keys'), 0o777);
    await expect(store.list()).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  });

  it('tells the minute of its last use', async () => {
    await store.create(wish('ci'));
    expect((await only()).lastUsedMs).toBeUndefined();
    store.noteUse(await only());
    await expect.poll(async () => (await only()).lastUsedMs).toBeDefined();
    nowMs += hourMs;
    store.noteUse(await only());
    expect((await only()).lastUsedMs).toBe(Math.floor(nowMs / 60_000) * 60_000);
  });
});

describe('a name that leads elsewhere', () => {
  it('is no key', async () => {
    for (const name of ['../x', '.', 'A', '']) {
      await expect(store.rotate(name, 0)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
      await expect(store.revoke(name)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    }
  });
});
