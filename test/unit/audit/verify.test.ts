import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../src/audit/canonical.js';
import { exportAudit, tailAudit } from '../../../src/audit/read.js';
import { type AuditRecord, recordHash } from '../../../src/audit/record.js';
import { SlidingSet } from '../../../src/audit/sliding-set.js';
import { verifyAudit } from '../../../src/audit/verify.js';
import { systemClock } from '../../../src/kit/clock.js';
import { bytesOf, collect, folder, lines, openAt, session } from './support/log-fixture.js';

/** Two writers taking turns; both closed. */
async function twoWriters(): Promise<string[]> {
  await using at = await folder();
  let timeMs = 1_700_000_000_000;
  const clock = {
    ...systemClock,
    now: () => {
      timeMs += 1000;
      return timeMs;
    },
  };
  {
    await using a = await openAt(at.path, clock);
    await using b = await openAt(at.path, clock);
    for (let n = 0; n < 3; n += 1) {
      const intent = await a.intent('command.run', { session, details: { n } });
      await b.event('session.list', { details: { n } });
      await intent.outcome('ok');
    }
  }
  return await lines(at.path);
}

const verifyLines = (list: readonly string[]) => verifyAudit(bytesOf(list.map((line) => `${line}\n`).join('')));

/** A record changed by someone who computes its hash anew. */
function forge(line: string, change: object): string {
  const record = { ...(JSON.parse(line) as AuditRecord), ...change };
  return canonicalJson({ ...record, hash: recordHash(record) });
}

describe('verifying names the first bad line', () => {
  it('and finds none in a good log, which an empty one is too', async () => {
    const log = await twoWriters();
    expect(await verifyLines(log)).toMatchObject({ ok: true, records: 13, lines: 13, chainCount: 2, openIntents: 0 });
    expect(await verifyLines([])).toMatchObject({ ok: true, records: 0, chains: [] });
  });

  it.each<[string, number, (log: string[]) => void, string, number?]>([
    ['edited', 4, (l: string[]) => void l.splice(3, 1, l[3]!.replace('"n":0', '"n":7')), 'does not match its hash'],
    [
      'edited, with a new hash',
      4,
      (l: string[]) => void l.splice(3, 1, forge(l[3]!, { rule: 'x' })),
      'missing or was changed',
      5,
    ],
    ['deleted', 4, (l: string[]) => void l.splice(3, 1), 'missing or was changed'],
    ['duplicated', 6, (l: string[]) => void l.splice(4, 0, l[4]!), 'was expected and record'],
    [
      'written with white space',
      5,
      (l: string[]) => void l.splice(4, 1, l[4]!.replace('{', '{ ')),
      'not an audit record',
    ],
    [
      'written with other escapes',
      5,
      (l: string[]) => void l.splice(4, 1, l[4]!.replace('ada', '\\u0061da')),
      'not written canonically',
    ],
    [
      'written with a key twice',
      5,
      (l: string[]) => void l.splice(4, 1, l[4]!.replace('"v":1', '"v":1,"v":1')),
      'not written canonically',
    ],
    ['of another version', 5, (l: string[]) => void l.splice(4, 1, l[4]!.replace('"v":1', '"v":2')), 'version is 2'],
    ['with an unknown field', 5, (l: string[]) => void l.splice(4, 1, forge(l[4]!, { extra: 1 })), 'malformed'],
    ['foreign', 5, (l: string[]) => void l.splice(4, 0, 'hello'), 'not an audit record'],
    ['empty', 5, (l: string[]) => void l.splice(4, 0, ''), 'the line is empty'],
    ['huge', 5, (l: string[]) => void l.splice(4, 0, 'x'.repeat(1_000_000)), 'longer than any'],
    ['the first of its chain, deleted', 1, (l: string[]) => void l.splice(0, 1), 'missing'],
    ['swapped', 3, (l: string[]) => void l.splice(2, 3, l[4]!, l[3]!, l[2]!), ''],
    ['not UTF-8', 5, (l: string[]) => void l.splice(4, 1, l[4]!.replace('ada', 'ad\ufffd')), 'does not match its hash'],
  ])('%s', async (_what, line, change, reason, found = line) => {
    const log = await twoWriters();
    change(log);
    const report = await verifyLines(log);
    expect(report.ok).toBe(false);
    expect(report.firstBad?.line).toBe(found);
    expect(report.firstBad?.reason).toContain(reason);
  });

  it('after which a closed chain may not go on, nor begin again', async () => {
    const log = await twoWriters();
    const close = log.findIndex((line) => line.includes('log.close'));
    const { seq, hash } = JSON.parse(log[close]!) as AuditRecord;
    const more = forge(log[close]!, { action: 'session.list', seq: seq + 1, prev: hash });
    expect((await verifyLines([...log, more])).firstBad).toMatchObject({
      line: 14,
      reason: expect.stringContaining('after its end'),
    });
    expect((await verifyLines([...log, log[0]!])).firstBad?.reason).toBe('the chain begins a second time');
  });

  it('even when a whole chain is cut out, since the other one links to it', async () => {
    const log = await twoWriters();
    const { chain } = JSON.parse(log[0]!) as AuditRecord;
    const without = log.filter((line) => (JSON.parse(line) as AuditRecord).chain !== chain);
    expect((await verifyLines(without)).firstBad).toMatchObject({
      line: 1,
      reason: expect.stringContaining('missing'),
    });
  });

  it('and with an anchor kept elsewhere also sees that the end was cut off', async () => {
    const log = await twoWriters();
    const { end } = await verifyLines(log);
    const cut = log
      .slice(0, -3)
      .map((line) => `${line}\n`)
      .join('');
    expect(await verifyAudit(bytesOf(cut))).toMatchObject({ ok: true });
    const anchors = [end!.sha256];
    expect((await verifyAudit(bytesOf(cut), { anchors })).firstBad?.line).toBe(0);
    const whole = log.map((line) => `${line}\n`).join('');
    expect(await verifyAudit(bytesOf(whole), { anchors })).toMatchObject({ ok: true });
  });

  it('in a stream cut anywhere, and stops when told', async () => {
    const text = Buffer.from((await twoWriters()).map((line) => `${line}\n`).join(''));
    const pieces = Array.from({ length: Math.ceil(text.length / 7) }, (_, n) => text.subarray(n * 7, n * 7 + 7));
    expect(await verifyAudit(bytesOf(...pieces))).toMatchObject({ ok: true, records: 13 });
    await expect(verifyAudit(bytesOf(text), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
  });

  it('reports a last line that was cut short, and only there', async () => {
    const log = await twoWriters();
    const text = log.map((line) => `${line}\n`).join('');
    const report = await verifyAudit(bytesOf(text.slice(0, -20)));
    expect(report).toMatchObject({ ok: true, records: 12, torn: [{ line: 13 }] });
    expect(report.chains.map((c) => c.note ?? '').filter((note) => note !== '')).toHaveLength(0);
    expect((await verifyAudit(bytesOf(`${text.slice(0, -20)}\n`))).ok).toBe(false);
  });
});

describe('the lines a record may link to', () => {
  it('are the latest ones: older ones are forgotten, those seen again are not', () => {
    const recent = new SlidingSet(2);
    for (const member of ['a', 'b', 'a', 'c']) recent.add(member);
    expect(['a', 'b', 'c'].map((member) => recent.has(member))).toEqual([true, false, true]);
  });
});

describe('reading', () => {
  it('gives the last records, and where they begin', async () => {
    await using at = await folder();
    const log = await twoWriters();
    await writeFile(at.path, log.map((line) => `${line}\n`).join(''), { mode: 0o600 });
    for (const count of [0, 1, 5, 13, 99]) {
      const found = await collect(tailAudit(at.path, count));
      expect(found.map((e) => e.record)).toEqual(
        log.slice(Math.max(0, 13 - count)).map((line) => JSON.parse(line) as AuditRecord),
      );
      const text = await readFile(at.path, 'utf8');
      for (const entry of found) expect(text.slice(entry.offsetBytes)).toMatch(/^\{"action"/);
    }
    await expect(tailAudit(at.path, -1).next()).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });

  it('finds the tail of a log that is longer than one block', async () => {
    await using at = await folder();
    const log = await twoWriters();
    await writeFile(at.path, `${'x'.repeat(900)}\n`.repeat(300) + log.map((line) => `${line}\n`).join(''));
    const found = await collect(tailAudit(at.path, 200));
    expect(found.map((e) => e.problem !== undefined).filter(Boolean)).toHaveLength(187);
    expect(found.at(-1)!.record).toEqual(JSON.parse(log.at(-1)!));
  });

  it('exports one session, and a span of time, and says which lines hold no record', async () => {
    await using at = await folder();
    const log = await twoWriters();
    await writeFile(at.path, log.map((line) => `${line}\n`).join(''));
    await appendFile(at.path, 'damaged\n');
    const ofSession = await collect(exportAudit(at.path, { session }));
    expect(ofSession.map((e) => e.record?.action ?? e.problem)).toEqual([
      ...Array.from({ length: 6 }, () => 'command.run'),
      'the line is not an audit record',
    ]);
    const since = 1_700_000_000_000 + 3000;
    const span = await collect(exportAudit(at.path, { sinceMs: since, untilMs: since + 2000 }));
    expect(span.map((e) => e.record && Date.parse(e.record.time))).toEqual([since, since + 1000, undefined]);
  });
});
