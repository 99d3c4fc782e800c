import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeyRing } from '../../../src/keys/key-ring.js';
import { KeyStore } from '../../../src/keys/key-store.js';
import { systemClock } from '../../../src/kit/clock.js';
import { makeUnreadable } from './support/unreadable.js';
import { wish } from './support/wish.js';

let state: string;
let passedMs: number;
let store: KeyStore;
let ring: KeyRing;

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'pdk-keys-'));
  passedMs = 0;
  const startMs = Date.now();
  const clock = { ...systemClock, now: () => startMs + passedMs, monotonic: () => passedMs };
  store = new KeyStore(join(state, 'keys'), clock);
  ring = new KeyRing(store, clock);
});

afterEach(() => rm(state, { recursive: true, force: true }));

/** Until the kernel's clock has gone on: within one tick of it two changes look like one. */
async function nextTick(): Promise<void> {
  const path = join(state, 'tick');
  const now = async () => {
    await rm(path, { force: true });
    await writeFile(path, '');
    return (await stat(path, { bigint: true })).ctimeNs;
  };
  const before = await now();
  await expect.poll(now, { interval: 1 }).toBeGreaterThan(before);
}

describe('a secret', () => {
  it('opens what its key may, and nothing else does', async () => {
    const [ada, bob] = [await store.create(wish('ada')), await store.create(wish('bob'))];
    expect((await ring.holderOf(ada.secret.reveal()))?.grant).toEqual(ada.key.grant);
    expect((await ring.holderOf(bob.secret.reveal()))?.grant.name).toBe('bob');
    for (const wrong of ['', 'ada', ada.key.grant.id, ada.key.secrets[0]?.hash ?? '', `${ada.secret.reveal()}a`]) {
      expect(await ring.holderOf(wrong)).toBeUndefined();
    }
    expect(await ring.holderOf(`pdkey_${'a'.repeat(52)}`)).toBeUndefined();
  });

  it('opens what its key may as soon as that is made, and nothing as soon as it is revoked', async () => {
    expect(await ring.isGood('0'.repeat(16))).toBe(false);
    const { secret, key } = await store.create(wish('ada'));
    expect((await ring.holderOf(secret.reveal()))?.grant.id).toBe(key.grant.id);
    expect(await ring.isGood(key.grant.id)).toBe(true);
    await nextTick();
    await store.revoke('ada');
    expect(await ring.holderOf(secret.reveal())).toBeUndefined();
    expect(await ring.isGood(key.grant.id)).toBe(false);
  });

  it('opens nothing from the moment at which its key is over, or its grace', async () => {
    const soon = await store.create({ ...wish('ada'), expiresAtMs: Date.now() + 600 });
    const old = await store.create(wish('bob'));
    await store.rotate('bob', 500);
    expect((await ring.holderOf(soon.secret.reveal()))?.grant.name).toBe('ada');
    expect((await ring.holderOf(old.secret.reveal()))?.grant.name).toBe('bob');
    passedMs += 900;
    expect(await ring.holderOf(soon.secret.reveal())).toBeUndefined();
    expect(await ring.holderOf(old.secret.reveal())).toBeUndefined();
  });

  it('of a key that can not be read now is neither good nor wrong, and those of others open what they may', async () => {
    const [ada, bob] = [await store.create(wish('ada')), await store.create(wish('bob'))];
    for (const { secret } of [ada, bob]) expect(await ring.holderOf(secret.reveal())).toBeDefined();
    const heal = await makeUnreadable(join(state, 'keys', 'bob', 'grant.json'));
    passedMs += 1000;
    const unknown = { code: 'STATE_UNREADABLE' };
    await expect(ring.holderOf(bob.secret.reveal())).rejects.toMatchObject(unknown);
    await expect(ring.isGood(bob.key.grant.id)).rejects.toMatchObject(unknown);
    expect((await ring.holderOf(ada.secret.reveal()))?.grant.name).toBe('ada');
    expect(await ring.isGood(ada.key.grant.id)).toBe(true);
    await store.revoke('ada');
    passedMs += 1000;
    expect(await ring.isGood(ada.key.grant.id)).toBe(false);
    expect(await ring.isGood('0'.repeat(16))).toBe(false);
    await heal();
    passedMs += 1000;
    expect((await ring.holderOf(bob.secret.reveal()))?.grant.name).toBe('bob');
    expect(await ring.isGood(bob.key.grant.id)).toBe(true);
  });
});
