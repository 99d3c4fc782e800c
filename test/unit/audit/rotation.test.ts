import { chmod, copyFile, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openAudit } from '../../../src/audit/audit-log.js';
import { fileName, listLogFiles } from '../../../src/audit/log-files.js';
import { exportAudit, tailAudit } from '../../../src/audit/read.js';
import type { RotationLimits } from '../../../src/audit/rotation.js';
import { verifyAudit } from '../../../src/audit/verify.js';
import { systemClock } from '../../../src/kit/clock.js';
import { bytesOf, caller, collect, folder, lines, openAt } from './support/log-fixture.js';

const small: RotationLimits = { fileBytes: 3000 };
const names = (path: string) => listLogFiles(path).map(fileName);
const at = (path: string, number: number) => (number === 0 ? path : `${path}.${String(number).padStart(6, '0')}`);

/** Two writers taking turns, until the log has so many files; both closed. */
async function logOf(path: string, files: number, rotation = small): Promise<void> {
  await using a = await openAt(path, systemClock, rotation);
  await using b = await openAt(path, systemClock, rotation);
  for (let n = 0; (listLogFiles(path).at(-1)?.number ?? 0) < files - 1; n += 1) {
    const intent = await a.intent('command.run', { details: { n } });
    await b.event('session.list', { details: { n } });
    await intent.outcome('ok');
  }
}

describe('a log that goes on in other files', () => {
  it('keeps each below its size but for one record of each writer, and verifies as a whole', async () => {
    await using f = await folder();
    await logOf(f.path, 5);
    expect(names(f.path)).toEqual(['audit.jsonl', ...[1, 2, 3, 4].map((n) => `audit.jsonl.00000${n}`)]);
    for (const file of listLogFiles(f.path)) {
      expect((await stat(file.path)).mode & 0o7777).toBe(0o600);
      expect((await stat(file.path)).size).toBeLessThan(3000 + 2 * 1500);
    }
    const report = await verifyAudit(f.path);
    expect(report).toMatchObject({ ok: true, fileCount: 5, openIntents: 0, torn: [] });
    expect(report.chains.filter((c) => c.state === 'continued').length).toBe(report.chainCount - 2);
    expect(report.end!.file).toBe('audit.jsonl.000004');
  });

  it('does so by age, which counts from the first record of the file', async () => {
    await using f = await folder();
    let now = 1_700_000_000_000;
    const clock = { ...systemClock, now: () => now };
    {
      await using first = await openAt(f.path, clock, { fileAgeMs: 60_000 });
      now += 59_999;
      await first.event('command.output');
      expect(names(f.path)).toHaveLength(1);
    }
    await using later = await openAt(f.path, clock, { fileAgeMs: 60_000 });
    now += 1;
    await later.event('command.output');
    expect(names(f.path)).toHaveLength(2);
    expect(await verifyAudit(f.path)).toMatchObject({ ok: true, fileCount: 2 });
  });

  it('is followed by writers that would not begin another file themselves, without a refusal', async () => {
    await using f = await folder();
    await using idle = await openAt(f.path);
    const intent = await idle.intent('command.run');
    await logOf(f.path, 6, { ...small, keepFiles: 2 });
    expect(names(f.path)).toEqual(['audit.jsonl.000004', 'audit.jsonl.000005']);
    await intent.outcome('ok');
    expect((await lines(at(f.path, 5))).at(-1)).toContain(`"id":"${intent.id}"`);
    expect(await verifyAudit(f.path)).toMatchObject({ ok: true });
  });

  it('carries a chain whose record came after the next file before the record counts as written', async () => {
    await using f = await folder();
    let isLate = false;
    const late = {
      ...systemClock,
      // The clock is asked between the look at the file and the append to it.
      now: () => {
        if (isLate) rotateNow();
        isLate = false;
        return Date.now();
      },
    };
    const { openSync, closeSync } = await import('node:fs');
    const rotateNow = () => closeSync(openSync(at(f.path, 1), 'ax', 0o600));
    await using writer = await openAt(f.path, late);
    isLate = true;
    const { id } = await writer.intent('command.run');
    expect((await lines(f.path)).at(-1)).toContain(id);
    const [carried] = await lines(at(f.path, 1));
    const [chain, seq] = id.split('.');
    expect(JSON.parse(carried!)).toMatchObject({ action: 'log.open', continues: { chain, seq: Number(seq) } });
    expect((await verifyAudit(f.path)).ok).toBe(true);
    // So even that line can't be cut off.
    await writeFile(f.path, `${(await lines(f.path)).slice(0, -1).join('\n')}\n`);
    expect((await verifyAudit(f.path)).ok).toBe(false);
  });

  it('stays in its file, and says so, when the next can not be made', async () => {
    await using f = await folder();
    const troubles: string[] = [];
    const options = { path: f.path, createParent: false, caller, version: '0.1.0', clock: systemClock };
    {
      await using log = await openAudit({ ...options, rotation: small, onTrouble: (what) => troubles.push(what) });
      const blocked = { ...options, path: join(f.dir, 'x'.repeat(250)) };
      await using long = await openAudit({ ...blocked, rotation: small, onTrouble: (what) => troubles.push(what) });
      for (let n = 0; n < 20; n += 1) await long.intent('command.run');
      await log.intent('command.run');
    }
    expect(troubles).toEqual([expect.stringContaining('could not go on in another file: ENAMETOOLONG')]);
    expect(await verifyAudit(join(f.dir, 'x'.repeat(250)))).toMatchObject({ ok: true, records: 22 });
  });

  it('can begin in a file that was made and not written before its maker was killed', async () => {
    await using f = await folder();
    await (await openAt(f.path))[Symbol.asyncDispose]();
    await writeFile(at(f.path, 1), '', { mode: 0o600 });
    expect(await verifyAudit(f.path)).toMatchObject({ ok: true, fileCount: 2 });
    await (await openAt(f.path))[Symbol.asyncDispose]();
    expect(await lines(f.path)).toHaveLength(2);
    expect(await verifyAudit(f.path)).toMatchObject({ ok: true, fileCount: 2, records: 4 });
  });

  it('is one log for readers: its end, and all of it; side by side, its files are the same stream', async () => {
    await using f = await folder();
    await logOf(f.path, 4);
    const all = await collect(exportAudit(f.path));
    expect(all.every((entry) => entry.problem === undefined)).toBe(true);
    expect(new Set(all.map((entry) => entry.file))).toEqual(new Set(names(f.path)));
    for (const count of [0, 1, 7, all.length - 1, all.length, all.length + 5]) {
      expect(await collect(tailAudit(f.path, count))).toEqual(count === 0 ? [] : all.slice(-count));
    }
  });

  it('refuses a next file that is not private, as it does the first', async () => {
    await using f = await folder();
    await logOf(f.path, 2);
    await chmod(at(f.path, 1), 0o644);
    await expect(openAt(f.path)).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
  });
});

describe('verifying all files names the one that is wrong', () => {
  it.each<[string, string | undefined, number | undefined, string, (path: string) => Promise<void>]>([
    [
      'a cut tail',
      'audit.jsonl.000001',
      undefined,
      'its end was cut off',
      async (p) => {
        await writeFile(at(p, 1), `${(await lines(at(p, 1))).slice(0, -1).join('\n')}\n`);
      },
    ],
    [
      'a tail cut within a record',
      'audit.jsonl.000001',
      undefined,
      'its end was cut off',
      async (p) => {
        await writeFile(at(p, 1), (await readFile(at(p, 1), 'utf8')).slice(0, -10));
      },
    ],
    [
      'an edited line',
      'audit.jsonl.000002',
      2,
      'does not match its hash',
      async (p) => {
        const list = await lines(at(p, 2));
        list[1] = list[1]!.replace('"v":1', '"v":1').replace(/"n":\d+/, '"n":999');
        if (!list[1].includes('"n":999')) list[1] = list[1].replace('ada', 'eve');
        await writeFile(at(p, 2), `${list.join('\n')}\n`);
      },
    ],
    [
      'two files that changed places',
      'audit.jsonl.000001',
      1,
      'this is file 2 of a log under the name of file 1',
      async (p) => {
        await rename(at(p, 1), `${p}-x`);
        await rename(at(p, 2), at(p, 1));
        await rename(`${p}-x`, at(p, 2));
      },
    ],
    ['a missing middle file', 'audit.jsonl.000002', 0, 'this file of the log is missing', (p) => rm(at(p, 2))],
    ['a missing first file', 'audit.jsonl', 0, 'this file of the log is missing', (p) => rm(p)],
    ['an emptied file', 'audit.jsonl.000002', undefined, 'its end was cut off', (p) => writeFile(at(p, 2), '')],
  ])('%s', async (_what, file, line, reason, change) => {
    await using f = await folder();
    await logOf(f.path, 4);
    expect((await verifyAudit(f.path)).ok).toBe(true);
    await change(f.path);
    const { ok, firstBad } = await verifyAudit(f.path);
    expect(ok).toBe(false);
    expect(firstBad).toMatchObject({ file, reason: expect.stringContaining(reason) });
    if (line !== undefined) expect(firstBad!.line).toBe(line);
  });

  it('also one of another log under its name', async () => {
    await using f = await folder();
    await using other = await folder();
    await logOf(f.path, 3);
    await logOf(other.path, 3);
    await copyFile(at(other.path, 1), at(f.path, 1));
    expect((await verifyAudit(f.path)).firstBad).toMatchObject({ file: expect.stringMatching(/^audit\.jsonl/) });
  });
});

describe('what is kept of a log', () => {
  it('is the number of files that is asked for; what went is said before, and a stolen one is told apart', async () => {
    await using f = await folder();
    await logOf(f.path, 7, { ...small, keepFiles: 3 });
    expect(names(f.path)).toEqual([4, 5, 6].map((n) => `audit.jsonl.00000${n}`));
    expect(await verifyAudit(f.path)).toMatchObject({ ok: true, fileCount: 3, removedThrough: 3 });
    const said = (await collect(exportAudit(f.path))).filter(({ record }) => record?.action === 'log.remove');
    expect(said.at(-1)!.record).toMatchObject({ removed: { through: 3 }, details: { files: 1 } });
    await rm(at(f.path, 4));
    expect((await verifyAudit(f.path)).firstBad).toMatchObject({ file: 'audit.jsonl.000004', line: 0 });
  });

  it('is the size that is asked for, but never less than the newest two files', async () => {
    await using f = await folder();
    await logOf(f.path, 7, { ...small, keepBytes: 12_000 });
    const sizes = await Promise.all(listLogFiles(f.path).map(async ({ path }) => (await stat(path)).size));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(12_000 + 4500);
    expect(sizes.length).toBeGreaterThan(2);
    await logOf(f.path, 9, { ...small, keepBytes: 1 });
    expect(names(f.path)).toHaveLength(2);
    expect(await verifyAudit(f.path)).toMatchObject({ ok: true });
  });

  it('is what is young enough, judged when a writer begins, too', async () => {
    await using f = await folder();
    await logOf(f.path, 5);
    for (const n of [0, 1, 2]) await utimes(at(f.path, n), new Date(0), new Date(n === 1 ? Date.now() : 0));
    await (await openAt(f.path, systemClock, { keepAgeMs: 3_600_000 }))[Symbol.asyncDispose]();
    // File 2 is old as well, but removing it would leave a gap.
    expect(names(f.path)).toEqual([1, 2, 3, 4].map((n) => `audit.jsonl.00000${n}`));
    expect(await verifyAudit(f.path)).toMatchObject({ ok: true, removedThrough: 0 });
  });

  it('may be more than was said: a writer that was killed before it removed a file leaves it to the next', async () => {
    await using f = await folder();
    await logOf(f.path, 5, small);
    await copyFile(f.path, `${f.path}-kept`);
    await (await openAt(f.path, systemClock, { keepFiles: 3 }))[Symbol.asyncDispose]();
    await rename(`${f.path}-kept`, at(f.path, 0));
    // One that was to go is back, the next one is not.
    expect(await verifyAudit(f.path)).toMatchObject({ ok: true, removedThrough: 1 });
    await (await openAt(f.path, systemClock, { keepFiles: 3 }))[Symbol.asyncDispose]();
    expect(names(f.path)).toHaveLength(3);
  });
});

describe('a stream of bytes', () => {
  it('may be one file of a log', async () => {
    await using f = await folder();
    await logOf(f.path, 3);
    expect(await verifyAudit(bytesOf(await readFile(f.path)))).toMatchObject({ ok: true, fileCount: 1 });
  });
});
