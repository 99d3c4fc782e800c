import { chmod, mkdir, rename, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openAudit } from '../../../src/audit/audit-log.js';
import { recordHash } from '../../../src/audit/record.js';
import { plain } from '../../../src/audit/redaction.js';
import { verifyAudit } from '../../../src/audit/verify.js';
import { systemClock } from '../../../src/kit/clock.js';
import { caller, folder, lines, openAt, records, session } from './support/log-fixture.js';

describe('the records of one writer', () => {
  it('are a chain from its opening to its closing, intents linked to outcomes', async () => {
    await using at = await folder();
    {
      await using log = await openAt(at.path, { ...systemClock, now: () => 1_700_000_000_123 });
      const intent = await log.intent('session.create', { session, details: { image: plain('alpine:3') } });
      await intent.outcome('ok', { details: { ms: 12 } });
      await log.event('policy.deny', { verdict: 'deny', rule: 'mount.path' });
    }
    const all = await records(at.path);
    expect(all.map((r) => [r.seq, r.phase, r.action, r.verdict, r.result])).toEqual([
      [0, 'event', 'log.open', undefined, undefined],
      [1, 'intent', 'session.create', 'allow', undefined],
      [2, 'outcome', 'session.create', undefined, 'ok'],
      [3, 'event', 'policy.deny', 'deny', undefined],
      [4, 'event', 'log.close', undefined, undefined],
    ]);
    expect(all[0]).toMatchObject({ v: 1, time: '2023-11-14T22:13:20.123Z', prev: null, caller: { user: 'ada' } });
    expect(all[0]!.writer).toMatchObject({ pid: process.pid, version: '0.1.0' });
    expect(all[2]!.id).toBe(all[1]!.id);
    expect(all[2]).toMatchObject({ session, details: { ms: 12 } });
    expect(all.slice(1).map((r) => r.prev)).toEqual(all.slice(0, -1).map((r) => r.hash));
    for (const record of all) expect(recordHash(record)).toBe(record.hash);
    expect((await stat(at.path)).mode & 0o7777).toBe(0o600);
  });

  it('keep the order of the calls when many are made at once', async () => {
    await using at = await folder();
    await using log = await openAt(at.path);
    await Promise.all(Array.from({ length: 100 }, (_, n) => log.event('command.output', { details: { n } })));
    const numbers = (await records(at.path)).slice(1).map((r) => [r.seq, r.details?.['n']]);
    expect(numbers).toEqual(Array.from({ length: 100 }, (_, n) => [n + 1, n]));
  });

  it('link to the last line of another writer, and not to their own', async () => {
    await using at = await folder();
    await using first = await openAt(at.path);
    await using second = await openAt(at.path);
    await second.event('command.output');
    await first.event('command.output');
    expect((await records(at.path)).map((r) => r.link !== undefined)).toEqual([false, true, false, true]);
  });

  it('name the client and key they were made for, whatever the client calls itself', async () => {
    await using at = await folder();
    await using log = await openAt(at.path);
    const name = `\u001b[2J"evil\n\ud800${'界'.repeat(500)}`;
    await log.forCaller({ client: { name, version: '1' }, keyHash: 'ab'.repeat(32) }).event('session.list');
    const line = (await lines(at.path))[1]!;
    expect(line).not.toContain('\u001b');
    expect(line).not.toContain('u001b[');
    expect(Buffer.byteLength(line)).toBeLessThan(1500);
    expect((await records(at.path))[1]!.caller.keyHash).toBe('ab'.repeat(32));
    expect(await verifyAudit(at.path)).toMatchObject({ ok: true });
  });

  it('stay within 4096 bytes: longer details become their size and digest', async () => {
    await using at = await folder();
    await using log = await openAt(at.path);
    await log.event('command.output', { details: { list: Array.from({ length: 60 }, () => plain('é'.repeat(200))) } });
    expect((await records(at.path))[1]!.details).toEqual({
      omittedBytes: 60 * 403 + 10,
      omittedSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(await verifyAudit(at.path)).toMatchObject({ ok: true, records: 2 });
  });

  it('take fields encrypted for a session, and refuse any other form of them', async () => {
    await using at = await folder();
    await using log = await openAt(at.path);
    const enc = { kid: 'k1', alg: 'A256GCM', iv: 'A'.repeat(16), data: 'B'.repeat(1400) } as const;
    await log.event('command.output', { session, enc });
    await expect(log.event('command.output', { enc: { ...enc, data: 'in clear!' } })).rejects.toMatchObject({
      code: 'AUDIT_UNWRITABLE',
    });
    await log.event('command.output');
    expect(await verifyAudit(at.path)).toMatchObject({ ok: true, records: 3, chainCount: 1 });
  });

  it('have one outcome per intent and none after closing', async () => {
    await using at = await folder();
    const log = await openAt(at.path);
    const intent = await log.intent('command.run');
    await intent.outcome('ok');
    await expect(intent.outcome('ok')).rejects.toMatchObject({ code: 'INTERNAL' });
    await log[Symbol.asyncDispose]();
    await log[Symbol.asyncDispose]();
    await expect(log.intent('command.run')).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    expect((await records(at.path)).at(-1)!.action).toBe('log.close');
  });

  it.each(['log.close', 'Run', 'run', 'command.run\n', 'a.b.c.d'])('do not take %j as an action', async (action) => {
    await using at = await folder();
    await using log = await openAt(at.path);
    await expect(log.intent(action)).rejects.toMatchObject({ code: 'INTERNAL' });
  });
});

describe('a log that fails while it is open', () => {
  it('is refused once it was truncated, then goes on in a new chain, and the verifier tells', async () => {
    await using at = await folder();
    await using log = await openAt(at.path);
    await log.event('command.output');
    await truncate(at.path, 0);
    await expect(log.intent('command.run')).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    await log.intent('command.run');
    const report = await verifyAudit(at.path);
    expect(report.ok).toBe(true);
    expect(report.chains[0]!.note).toBe('continues a chain of a file that was moved away or removed');
  });

  it('does not verify when the end of a chain that was continued is cut out', async () => {
    await using at = await folder();
    await using other = await openAt(at.path);
    await using log = await openAt(at.path);
    await log.event('command.output');
    await truncate(at.path, (await lines(at.path)).slice(0, 2).join('\n').length + 1);
    await expect(log.event('command.output')).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    await log.event('command.output');
    const report = await verifyAudit(at.path);
    expect(report.firstBad).toMatchObject({
      line: 3,
      reason: 'the chain that this record continues was cut or changed',
    });
    await expect(other.event('command.output')).resolves.toBeUndefined();
  });

  it('follows its name: after the file is moved away the next record opens a new one', async () => {
    await using at = await folder();
    await using log = await openAt(at.path);
    await rename(at.path, join(at.dir, 'old.jsonl'));
    await expect(log.intent('command.run')).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    await log.intent('command.run');
    expect((await records(at.path))[0]!.continues).toMatchObject({ seq: 0 });
    expect(await verifyAudit(join(at.dir, 'old.jsonl'))).toMatchObject({ ok: true, records: 1 });
  });

  it('refuses every action while it stays unwritable', async () => {
    await using at = await folder();
    await using log = await openAt(at.path);
    await chmod(at.path, 0o644);
    for (let n = 0; n < 3; n += 1) {
      await expect(log.intent('command.run')).rejects.toMatchObject({
        code: 'AUDIT_UNWRITABLE',
        message: expect.stringContaining(`chmod 600 '${at.path}'`),
      });
    }
    await chmod(at.path, 0o600);
    const intent = await log.intent('command.run');
    await intent.outcome('ok');
    const report = await verifyAudit(at.path);
    expect(report).toMatchObject({ ok: true, records: 4, chainCount: 2 });
    expect(report.chains.map((c) => c.state)).toEqual(['continued', 'open']);
  });
});

describe('the place of the log', () => {
  it('is made, private, when it is the default one, and must exist when it is not', async () => {
    await using at = await folder();
    const path = join(at.dir, 'state', 'paddock', 'audit.jsonl');
    await expect(openAt(path)).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    await using log = await openAudit({ path, createParent: true, caller, version: '0.1.0', clock: systemClock });
    expect(log.path).toBe(path);
    expect((await stat(join(at.dir, 'state'))).mode & 0o777).toBe(0o700);
  });

  it('must not be a folder that others can write to', async () => {
    await using at = await folder();
    const open = join(at.dir, 'open');
    await mkdir(open);
    await chmod(open, 0o777);
    await expect(openAt(join(open, 'audit.jsonl'))).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    await chmod(open, 0o1777);
    await using log = await openAt(join(open, 'audit.jsonl'));
    await log.event('command.output');
  });
});
