import { link, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openAudit } from '../../../src/audit/audit-log.js';
import { unsealed } from '../../../src/audit/erasure/sealed-fields.js';
import { SessionKeys } from '../../../src/audit/erasure/session-keys.js';
import { exportAudit } from '../../../src/audit/read.js';
import { plain, redactArgv } from '../../../src/audit/redaction.js';
import { verifyAudit } from '../../../src/audit/verify.js';
import { systemClock } from '../../../src/kit/clock.js';
import { caller, collect, folder, session } from './support/log-fixture.js';

const other = session.replace('abc', 'xyz');

function openWith(path: string, keys: SessionKeys) {
  return openAudit({ path, createParent: false, caller, version: '0.1.0', clock: systemClock, keys });
}

async function write(path: string, keys: SessionKeys): Promise<void> {
  await using log = await openWith(path, keys);
  const client = log.forCaller({ client: { name: 'clara', version: '1' } });
  const intent = await client.intent('command.run', { session, details: redactArgv(['curl', 'https://a.example']) });
  await intent.outcome('ok', { details: { exitCode: 0 } });
  await client.event('egress.connect', { session: other, details: { host: plain('b.example') } });
}

const read = async (path: string, keys: SessionKeys) =>
  (await collect(exportAudit(path))).map((entry) => unsealed(entry, keys)).filter(({ record }) => record?.session);

/** A line without its digests, ids and what is sealed, in which any three letters stand now and then. */
function withoutRandom(line: string): string {
  const random = new Set(['hash', 'prev', 'link', 'chain', 'id', 'data', 'iv']);
  return JSON.stringify(JSON.parse(line, (key, value: unknown) => (random.has(key) ? '' : value)));
}

describe('with keys of sessions', () => {
  it('nothing personal of a session stands in the log, and whoever has the keys reads all of it', async () => {
    await using f = await folder();
    const keys = new SessionKeys(join(f.dir, 'keys'));
    await write(f.path, keys);
    const raw = (await readFile(f.path, 'utf8')).split('\n').filter((line) => line.includes('"session"'));
    for (const line of raw) {
      const { enc } = JSON.parse(line) as { enc?: { data: string } };
      const sealed = Buffer.from(enc?.data ?? '', 'base64url').toString('latin1');
      expect(`${withoutRandom(line)} ${sealed}`).not.toMatch(/"ada"|clara|curl|argv|b\.example|exitCode/);
      expect(withoutRandom(line)).not.toMatch(/ada/);
    }
    const all = await read(f.path, keys);
    expect(all.map(({ record }) => record!.caller)).toEqual(
      Array.from({ length: 3 }, () => ({ ...caller, client: { name: 'clara', version: '1' } })),
    );
    expect(all.map(({ record }) => record!.details)).toMatchObject([
      { program: 'curl', argc: 2 },
      { exitCode: 0 },
      { host: 'b.example' },
    ]);
    expect(await verifyAudit(f.path)).toMatchObject({ ok: true, records: 5 });
    for (const name of await readdir(join(f.dir, 'keys'))) {
      const stats = await stat(join(f.dir, 'keys', name));
      expect([stats.mode & 0o777, stats.size, stats.nlink]).toEqual([0o600, 32, 1]);
    }
  });

  it('one session can be forgotten: the chain verifies, what was personal is gone, and stays out', async () => {
    await using f = await folder();
    const keys = new SessionKeys(join(f.dir, 'keys'));
    await write(f.path, keys);
    // As a kill leaves it while a key is made.
    await link(join(f.dir, 'keys', `${session}.key`), join(f.dir, 'keys', `${session}.abcdefgh.tmp`));
    expect((await read(f.path, keys))[0]).toMatchObject({ personal: 'decrypted' });
    keys.forget(session);
    expect(await readdir(join(f.dir, 'keys'))).toEqual([`${session}.forgotten`, `${other}.key`].sort());
    // A late record of it gets no new key.
    await write(f.path, new SessionKeys(join(f.dir, 'keys')));
    expect(await verifyAudit(f.path)).toMatchObject({ ok: true, records: 10 });
    const all = await read(f.path, keys);
    const gone = all.filter(({ record }) => record!.session === session);
    expect(gone.map(({ personal, record }) => [personal, record!.caller.user, record!.details])).toEqual(
      Array.from({ length: 4 }, () => ['forgotten', '(erasable)', undefined]),
    );
    expect(gone.at(-1)!.record!.enc).toBeUndefined();
    expect(all.filter(({ personal }) => personal === 'decrypted')).toHaveLength(2);
  });

  it('details that are too long are shortened under the key, and another key opens nothing', async () => {
    await using f = await folder();
    const keys = new SessionKeys(join(f.dir, 'keys'));
    {
      await using log = await openWith(f.path, keys);
      await log.event('command.run', {
        session,
        details: { list: Array.from({ length: 40 }, () => plain('x'.repeat(190))) },
      });
    }
    expect((await read(f.path, keys))[0]!.record!.details).toMatchObject({ omittedBytes: expect.any(Number) });
    await writeFile(join(f.dir, 'keys', `${session}.key`), Buffer.alloc(32));
    expect((await read(f.path, keys))[0]).toMatchObject({ personal: 'wrong key' });
    await writeFile(join(f.dir, 'keys', `${session}.key`), Buffer.alloc(3));
    // What can't be encrypted is not written in the clear.
    await using log = await openWith(f.path, keys);
    await expect(log.intent('command.run', { session })).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
  });
});
