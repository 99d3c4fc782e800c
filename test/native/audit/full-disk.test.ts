import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AnchorWriter } from '../../../src/audit/anchor/anchor-writer.js';
import { parseCheckpoint } from '../../../src/audit/anchor/checkpoint.js';
import { Checkpoints } from '../../../src/audit/anchor/checkpoints.js';
import { openHostKey } from '../../../src/audit/anchor/host-key.js';
import type { AuditLog } from '../../../src/audit/audit-log.js';
import { SessionKeys } from '../../../src/audit/erasure/session-keys.js';
import { readBytes } from '../../../src/audit/line-reader.js';
import { verifyAudit } from '../../../src/audit/verify.js';
import { systemClock } from '../../../src/kit/clock.js';
import { folder, openAt, records, session } from '../../unit/audit/support/log-fixture.js';
import { disksCanBeMade, FullDisk, pageBytes } from '../support/full-disk.js';

/** Intents until another one has no room in the page that the log ends in, but a part of it. */
async function fillPage(log: AuditLog): Promise<string[]> {
  for (const ids: string[] = []; ; ) {
    const before = statSync(log.path).size;
    ids.push((await log.intent('command.run')).id);
    const { size } = statSync(log.path);
    if (pageBytes - (size % pageBytes) < size - before) return ids;
  }
}

describe.skipIf(!disksCanBeMade)('on a disk that is really full', () => {
  it('an audit log refuses what it can not record, of which a part may stand there, and goes on where there is room again', async () => {
    await using disk = await FullDisk.make();
    const log = await openAt(join(disk.folder, 'audit.jsonl'));
    const ids = await fillPage(log);
    disk.fill();
    for (let n = 0; n < 3; n += 1) {
      await expect(log.intent('command.run')).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    }
    // The first of them came to the last byte there was.
    expect(statSync(log.path).size % pageBytes).toBe(0);
    await expect(openAt(log.path)).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    expect((await verifyAudit(log.path)).ok).toBe(true);
    disk.makeRoom();
    ids.push((await log.intent('command.run')).id);
    await log[Symbol.asyncDispose]();
    const { ok, torn } = await verifyAudit(log.path);
    expect([ok, torn.length]).toEqual([true, 1]);
    const kept = readFileSync(log.path, 'utf8')
      .split('\n')
      .filter((line) => line.endsWith('}'));
    const intents = kept.map((line) => JSON.parse(line) as { id?: string }).flatMap(({ id }) => id ?? []);
    expect(intents).toEqual(ids);
  });

  it('the key that signs it and those of sessions are made whole or not at all, and an action that needs one is refused', async () => {
    await using disk = await FullDisk.make();
    const [hostKey, folderOfKeys] = [join(disk.folder, 'audit-key.pem'), join(disk.folder, 'audit-keys')];
    const keys = new SessionKeys(folderOfKeys);
    const before = keys.forWriting(session);
    const other = session.replace('a', 'b');
    disk.fill();
    await expect(openHostKey(hostKey)).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    expect(() => keys.forWriting(other)).toThrow(expect.objectContaining({ code: 'AUDIT_UNWRITABLE' }) as Error);
    expect(keys.forWriting(session)).toEqual(before);
    expect(readdirSync(disk.folder).filter((name) => name.startsWith('audit-key.'))).toEqual([]);
    expect(readdirSync(folderOfKeys)).toEqual([`${session}.key`]);
    disk.makeRoom();
    expect((await openHostKey(hostKey)).publicKey.id).toMatch(/^[0-9a-f]{16}$/);
    expect(keys.forWriting(other)).toHaveLength(32);
    expect(keys.forWriting(session)).toEqual(before);
  });

  it('an anchor takes no part of a checkpoint for all of it, tells it, and goes on behind that part on a line of its own', async () => {
    await using disk = await FullDisk.make();
    await using f = await folder();
    await using log = await openAt(f.path);
    const [path, key] = [join(disk.folder, 'anchor.jsonl'), await openHostKey(join(f.dir, 'key.pem'))];
    const troubles: string[] = [];
    const about = { path, key, everyRecords: 1, withinMs: 5, logPath: f.path, clock: systemClock };
    await using writer = new AnchorWriter({ ...about, onTrouble: (what) => troubles.push(what) });
    writeFileSync(path, '', { mode: 0o600 });
    appendFileSync(path, '\n'.repeat(pageBytes - 100));
    disk.fill();
    await log.intent('command.run');
    writer.appended();
    await expect.poll(() => troubles).toEqual([expect.stringMatching(/only 100 of \d+ bytes were written/)]);
    disk.makeRoom();
    const lines = () => readFileSync(path, 'utf8').trim().split('\n');
    await expect.poll(() => lines().length).toBe(2);
    await log.intent('command.run');
    writer.appended();
    await expect.poll(() => lines().length).toBe(3);
    expect(lines().map((line) => parseCheckpoint(line) !== undefined)).toEqual([false, true, true]);
    const checkpoints = () => Checkpoints.read([{ name: path, bytes: readBytes(path) }], key.publicKey);
    const report = await verifyAudit(f.path, { checkpoints });
    expect(report).toMatchObject({ ok: true, checkpoints: 2, unreadableCheckpoints: 1 });
    expect((await records(f.path)).length).toBe(3);
  });
});
