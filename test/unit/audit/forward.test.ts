import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Checkpoints, type HeadSource } from '../../../src/audit/anchor/checkpoints.js';
import { openHostKey } from '../../../src/audit/anchor/host-key.js';
import { type AuditLog, openAudit } from '../../../src/audit/audit-log.js';
import type { ForwardState } from '../../../src/audit/forward/forwarder.js';
import { syslogSocket } from '../../../src/audit/forward/syslog-socket.js';
import { readBytes } from '../../../src/audit/line-reader.js';
import { verifyAudit } from '../../../src/audit/verify.js';
import { systemClock } from '../../../src/kit/clock.js';
import { bytesOf, caller, type Folder, folder, lines, records } from './support/log-fixture.js';
import { receive } from './support/syslog-receiver.js';

const socketIn = ({ dir }: Folder) => join(dir, 'log');

interface Wish {
  readonly records?: boolean;
  readonly states?: ForwardState[];
  readonly anchor?: string;
}

async function open(f: Folder, { records: all = false, states = [], anchor }: Wish = {}): Promise<AuditLog> {
  const key = await openHostKey(join(f.dir, 'key.pem'));
  return await openAudit({
    ...{ path: f.path, createParent: false, caller, version: '0.1.0', clock: systemClock },
    anchor: { path: anchor, key, everyRecords: 1, withinMs: 1000 },
    forward: { to: socketIn(f), records: all, onChange: (state) => states.push(state) },
  });
}

/** The log of some records, and what was forwarded of it. */
async function forwarded(f: Folder, wish: Wish = {}): Promise<readonly string[]> {
  await using receiver = await receive(socketIn(f));
  {
    await using log = await open(f, wish);
    for (let n = 0; n < 3; n += 1) await log.intent('command.run', { details: { n } });
  }
  await rm(socketIn(f));
  const heads = () => receiver.messages.filter((message) => message.includes('"signature"')).length;
  while (heads() === 0 || !isCovered(receiver.messages, (await readFile(f.path)).length)) {
    await receiver.has(receiver.messages.length + 1);
  }
  return receiver.messages;
}

function isCovered(messages: readonly string[], bytes: number): boolean {
  return messages.some((message) => message.startsWith(`{"bytes":${bytes},`));
}

async function held(f: Folder, text: string, more: Partial<HeadSource> = {}) {
  const { publicKey } = await openHostKey(join(f.dir, 'key.pem'));
  const source = () => ({ name: 'syslog', bytes: bytesOf(text), isMixed: true, ...more });
  return await verifyAudit(f.path, { checkpoints: () => Checkpoints.read([source()], publicKey) });
}

const asSyslog = (messages: readonly string[]) =>
  `Jan  1 00:00:00 host kernel: {"bytes":5} is not ours\n${messages.map((m) => `Jan  1 00:00:00 host paddock-audit: ${m}`).join('\n')}\n`;

describe('a log that is forwarded to a syslog socket', () => {
  it('says which log comes, and sends signed heads, against which it verifies', async () => {
    await using f = await folder();
    const messages = await forwarded(f);
    expect(JSON.parse(messages[0] ?? '')).toMatchObject({ forwards: { log: f.path } });
    expect(messages.some((message) => message.includes('command.run'))).toBe(false);
    const report = await held(f, asSyslog(messages));
    expect(report).toMatchObject({ ok: true, unreadableCheckpoints: 0 });
    expect(report.checkpoints).toBeGreaterThan(0);
  });

  it('sends its records too where that is wished, each as one message with what is in the file', async () => {
    await using f = await folder();
    const messages = await forwarded(f, { records: true });
    const sent = messages.filter((message) => message.includes('"action"'));
    expect(sent).toEqual(await lines(f.path));
    expect((await held(f, asSyslog(messages))).ok).toBe(true);
  });

  it('does not verify any more when it was rolled back together with its anchor', async () => {
    await using f = await folder();
    const anchor = join(f.dir, 'anchor.jsonl');
    await forwarded(f, { anchor });
    await copyFile(f.path, `${f.path}.old`);
    await copyFile(anchor, `${anchor}.old`);
    const messages = await forwarded(f, { anchor });
    await copyFile(`${f.path}.old`, f.path);
    await copyFile(`${anchor}.old`, anchor);
    const { publicKey } = await openHostKey(join(f.dir, 'key.pem'));
    const byAnchor = () => Checkpoints.read([{ name: anchor, bytes: readBytes(anchor) }], publicKey);
    expect((await verifyAudit(f.path, { checkpoints: byAnchor })).ok).toBe(true);
    const report = await held(f, asSyslog(messages));
    expect(report.firstBad?.reason).toContain('its end was cut off, or an older copy put in its place');
  });

  it('tells of each place how many heads of the log it has: what an anchor has, a journal without any has not', async () => {
    await using f = await folder();
    const anchor = join(f.dir, 'anchor.jsonl');
    const messages = await forwarded(f, { anchor });
    const { publicKey } = await openHostKey(join(f.dir, 'key.pem'));
    const held = async (text: string) => {
      const syslog = { name: 'syslog', bytes: bytesOf(text), isMixed: true };
      const sources = [syslog, { name: anchor, bytes: readBytes(anchor) }];
      return await verifyAudit(f.path, { checkpoints: () => Checkpoints.read(sources, publicKey) });
    };
    const { checkpoints = 0, heldAgainst } = await held(asSyslog(messages));
    expect(heldAgainst).toEqual([
      { name: 'syslog', checkpoints },
      { name: anchor, checkpoints },
    ]);
    expect(checkpoints).toBeGreaterThan(0);
    const without = await held('Jan  1 00:00:00 host kernel: nothing of ours\n');
    expect(without).toMatchObject({ ok: true, checkpoints, heldAgainst: [{ checkpoints: 0 }, { checkpoints }] });
  });

  it('does not verify against heads that contradict each other, or were signed by a key nobody asked about', async () => {
    await using f = await folder();
    const messages = await forwarded(f);
    await using other = await folder();
    await copyFile(join(f.dir, 'key.pem'), join(other.dir, 'key.pem'));
    const forged = await forwarded(other);
    const both = asSyslog([...messages, ...forged]);
    expect((await held(f, both)).ok).toBe(false);
    await using foreign = await folder();
    const foreigns = asSyslog([...messages, ...(await forwarded(foreign))]);
    expect((await held(f, foreigns)).firstBad?.reason).toContain('not signed by the key');
    const shared = await held(f, foreigns, { isShared: true });
    expect(shared.ok).toBe(true);
    expect(shared.otherCheckpoints).toBeGreaterThan(0);
  });

  it('is held against the heads since a time only, where that is said: it was moved away before', async () => {
    await using f = await folder();
    const before = await forwarded(f);
    await rm(f.path);
    const removedMs = Date.now();
    while (Date.now() === removedMs) await systemClock.sleep(1);
    const sinceMs = Date.now();
    const after = await forwarded(f);
    const text = asSyslog([...before, ...after]);
    expect((await held(f, text)).ok).toBe(false);
    expect((await held(f, text, { sinceMs })).ok).toBe(true);
  });
});

describe('a log that can not be forwarded', () => {
  it('is not opened at all when there is no such socket at the start', async () => {
    await using f = await folder();
    await expect(open(f)).rejects.toMatchObject({ code: 'AUDIT_NOT_FORWARDED' });
    await writeFile(socketIn(f), '');
    await expect(open(f)).rejects.toMatchObject({ code: 'AUDIT_NOT_FORWARDED', exitCode: 8 });
    await expect(syslogSocket(socketIn(f), [join(f.dir, 'logger')])).rejects.toMatchObject({
      code: 'AUDIT_NOT_FORWARDED',
    });
  });

  it('is not opened when nobody listens at the socket any more', async () => {
    await using f = await folder();
    await (await receive(socketIn(f)))[Symbol.asyncDispose]();
    await expect(open(f)).rejects.toMatchObject({ code: 'AUDIT_NOT_FORWARDED' });
  });

  it('goes on when the socket goes away later, says so on record, and counts what was not sent', async () => {
    await using f = await folder();
    const states: ForwardState[] = [];
    {
      const receiver = await receive(socketIn(f));
      await using log = await open(f, { records: true, states });
      await receiver[Symbol.asyncDispose]();
      for (let n = 0; n < 5; n += 1) await log.intent('command.run', { details: { n } });
      while (states.length === 0) await systemClock.sleep(5);
      await log.intent('command.run');
    }
    expect(states[0]).toMatchObject({ isOk: false, why: expect.stringContaining('Connection refused') });
    expect(states.at(-1)?.lost).toBeGreaterThan(5);
    const told = (await records(f.path)).find(({ action }) => action === 'audit.forward');
    expect(told).toMatchObject({ phase: 'event', result: 'AUDIT_NOT_FORWARDED', details: { lost: 0 } });
    expect(await verifyAudit(f.path)).toMatchObject({ ok: true });
  });

  it('is written on while its receiver is deaf', async () => {
    await using f = await folder();
    await using receiver = await receive(socketIn(f), 'deaf');
    await using log = await open(f, { records: true });
    for (let n = 0; n < 300; n += 1) await log.event('command.note', { details: { n } });
    expect((await lines(f.path)).length).toBeGreaterThan(300);
    expect(receiver.messages).toEqual([]);
  });
});
