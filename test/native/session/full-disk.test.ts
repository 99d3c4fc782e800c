import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImageScan } from '../../../src/core/image-scan.js';
import { ScanStore } from '../../../src/image/scan/scan-store.js';
import { DayFiles } from '../../../src/keys/day-file.js';
import { goodHashes } from '../../../src/keys/key.js';
import { KeyLimits, OverallLimits } from '../../../src/keys/key-limits.js';
import { hashOf } from '../../../src/keys/key-secret.js';
import { KeyStore } from '../../../src/keys/key-store.js';
import { systemClock } from '../../../src/kit/clock.js';
import { claim, isClaimed } from '../../../src/session/control/claim.js';
import { wish } from '../../unit/keys/support/wish.js';
import { disksCanBeMade, FullDisk } from '../support/full-disk.js';

const nothing = { found: 0, fixable: 0 };
const scanOf = (reference: string): ImageScan => ({
  ...{ imageId: `sha256:${'0a'.repeat(32)}`, reference, scanner: { name: 'trivy' }, scannedAtMs: 0 },
  ...{ isRecognised: true, isEndOfLife: false, findings: [], leftOut: 0 },
  counts: { unknown: nothing, low: nothing, medium: nothing, high: nothing, critical: nothing },
});
const unwritable = { code: 'STATE_UNWRITABLE' };

describe.skipIf(!disksCanBeMade)('on a disk that is really full', () => {
  let disk: FullDisk;
  beforeEach(async () => {
    disk = await FullDisk.make();
  });
  afterEach(() => disk[Symbol.asyncDispose]());
  const names = (folder = '') => readdirSync(join(disk.folder, folder)).filter((name) => !name.startsWith('filler-'));

  it('a claim that is given up is free, none is made, and the next is had where there is room again', async () => {
    const path = join(disk.folder, 'socket');
    // The note before says that nobody has it; of the other there is none.
    await (await claim(path))[Symbol.asyncDispose]();
    const held = [await claim(path), await claim(join(disk.folder, 'other'))];
    expect(await isClaimed(path)).toBe(true);
    disk.fill();
    await expect(claim(join(disk.folder, 'third'))).rejects.toMatchObject(unwritable);
    for (const one of held) {
      await one[Symbol.asyncDispose]();
      // What it has given back is enough for the note of another one.
      disk.fill();
    }
    expect(names()).toEqual(['socket.1', 'socket.2']);
    for (const name of ['socket', 'other', 'third']) expect(await isClaimed(join(disk.folder, name))).toBe(false);
    await expect(claim(path)).rejects.toMatchObject(unwritable);
    disk.makeRoom();
    await using again = await claim(path);
    await expect(claim(again.path)).rejects.toMatchObject({ code: 'SESSION_NOT_YOURS' });
  });

  it('no key is made or rotated, those that there are stay good, and any can be revoked', async () => {
    const store = new KeyStore(join(disk.folder, 'keys'), systemClock);
    const { secret } = await store.create(wish('ci'));
    await store.create(wish('leaked'));
    disk.fill();
    await expect(store.create(wish('new'))).rejects.toMatchObject(unwritable);
    await expect(store.rotate('ci', 0)).rejects.toMatchObject(unwritable);
    expect(await store.revoke('leaked')).toBe(true);
    expect([names('keys'), names('keys/ci')]).toEqual([
      ['ci', 'leaked'],
      ['grant.json', 'secret-1.json'],
    ]);
    const good = async () => (await store.list()).keys.map((key) => [key.grant.name, goodHashes(key, Date.now())]);
    const ci = ['ci', [hashOf(secret.reveal())]];
    expect(await good()).toEqual([ci, ['leaked', []]]);
    disk.makeRoom();
    const rotated = await store.rotate('ci', 0);
    await store.create(wish('new'));
    const [now] = await good();
    expect(now).toEqual(['ci', [hashOf(rotated.secret.reveal())]]);
  });

  it('a scan that can not be kept leaves the one before, and no part of itself', async () => {
    const store = new ScanStore(disk.folder);
    const scan = scanOf('first');
    await store.keep(scan);
    disk.fill();
    await expect(store.keep(scanOf('second'))).rejects.toMatchObject(unwritable);
    expect([await store.last(scan.imageId), names('scans').length]).toEqual([scan, 1]);
    disk.makeRoom();
    await store.keep(scanOf('third'));
    expect(await store.last(scan.imageId)).toMatchObject({ reference: 'third' });
  });

  it('of a key whose day can not be written down nothing new begins, until it is, with all that was used meanwhile', () => {
    const folder = join(disk.folder, 'key-days');
    mkdirSync(folder);
    const much = { callsPerMinute: 100, createsPerHour: 100 };
    const begun = () => {
      const quota = { ...much, sessions: 1, cpuMsPerDay: 1000 };
      return new KeyLimits(quota, new OverallLimits(much), new DayFiles(folder).of('ada'));
    };
    const limits = begun();
    disk.fill();
    limits.refuseUnkept();
    limits.use({ cpuMs: 400, egressBytes: 0 });
    expect(() => limits.refuseUnkept()).toThrow(expect.objectContaining(unwritable) as Error);
    // What is at work is ended by what it uses, and by nothing else.
    limits.refuseWork();
    limits.use({ cpuMs: 400, egressBytes: 0 });
    disk.makeRoom();
    limits.refuseUnkept();
    const next = begun();
    next.use({ cpuMs: 200, egressBytes: 0 });
    expect(() => next.refuseWork()).toThrow(expect.objectContaining({ code: 'QUOTA_EXCEEDED' }) as Error);
  });
});
