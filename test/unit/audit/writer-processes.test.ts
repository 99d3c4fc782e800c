import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordStart } from '../../../src/audit/record.js';
import { verifyAudit } from '../../../src/audit/verify.js';
import { folder, lines, openAt, records } from './support/log-fixture.js';
import { compileWriter, type WriterProgram } from './support/writer-program.js';

let program: WriterProgram;
beforeAll(async () => {
  program = await compileWriter();
}, 30_000);
afterAll(() => program[Symbol.asyncDispose]());

type Child = ChildProcessByStdio<Writable, Readable, null>;

function start(path: string, count: number, mode: string, launcher: string[] = []): Child {
  const command = [...launcher, process.execPath, program.path, path, String(count), mode];
  return spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
}

async function ended(child: Child): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

describe('several processes that write one log', () => {
  it('at once, 250 records each, leave a log that verifies', { timeout: 60_000 }, async () => {
    await using at = await folder();
    const children = [1, 2, 3, 4].map(() => start(at.path, 250, 'together'));
    await Promise.all(children.map((child) => once(child.stdout, 'data')));
    for (const child of children) child.stdin.end();
    expect(await Promise.all(children.map(ended))).toEqual([0, 0, 0, 0]);
    const report = await verifyAudit(at.path);
    expect(report.firstBad).toBeUndefined();
    expect(report).toMatchObject({ ok: true, records: 4 * 252, lines: 4 * 252, chainCount: 4, torn: [] });
    expect(report.chains.map((c) => [c.state, c.records])).toEqual(Array.from({ length: 4 }, () => ['closed', 252]));
    // They did write at the same time: chains change from line to line far more often than three times.
    const chains = (await records(at.path)).map((r) => r.chain);
    expect(chains.filter((chain, n) => n > 0 && chain !== chains[n - 1]).length).toBeGreaterThan(20);
  });

  it('and are killed while they do leave one too, with a note for each', { timeout: 60_000 }, async () => {
    await using at = await folder();
    const children = [1, 2, 3].map(() => start(at.path, 0, 'endless'));
    await Promise.all(children.map((child) => once(child.stdout, 'data')));
    for (const child of children) {
      await sleep(50);
      child.kill('SIGKILL');
      await ended(child);
    }
    {
      await using log = await openAt(at.path);
      await log.intent('command.run');
    }
    const report = await verifyAudit(at.path);
    expect(report.firstBad).toBeUndefined();
    const notes = report.chains.map((c) => [c.state, c.note]);
    expect(notes.slice(0, 3)).toEqual(Array.from({ length: 3 }, () => ['ended', 'ended without a closing record']));
    expect(notes[3]).toEqual(['closed', undefined]);
    expect(report.openIntents).toBe(1);
  });

  it('count as open while they live', { timeout: 30_000 }, async () => {
    await using at = await folder();
    const child = start(at.path, 3, 'stay');
    try {
      await once(child.stdout, 'data');
      expect((await verifyAudit(at.path)).chains[0]).toMatchObject({
        state: 'open',
        records: 4,
        writer: { pid: child.pid },
      });
    } finally {
      child.kill('SIGKILL');
      await ended(child);
    }
    expect((await verifyAudit(at.path)).chains[0]).toMatchObject({ state: 'ended' });
  });
});

describe('a file that can grow no more', () => {
  it('tears a record, refuses every later action, and is repaired by the next writer', {
    timeout: 30_000,
  }, async () => {
    // One of two neighbouring limits may fall between two records, where nothing is torn.
    for (const limitBytes of [5000, 5001]) {
      await using at = await folder();
      // The kernel takes what fits below the limit and refuses the rest: a short write, then EFBIG, as on a full disk.
      const child = start(at.path, 0, 'refused', ['prlimit', `--fsize=${limitBytes}`]);
      const output: string[] = [];
      child.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString()));
      expect(await ended(child)).toBe(0);
      const last = JSON.parse(output.join('').trim().split('\n').at(-1)!);
      expect(last).toEqual({ code: 'AUDIT_UNWRITABLE', actionResult: null, ran: 0 });
      const left = await readFile(at.path, 'utf8');
      expect(left.length).toBeLessThanOrEqual(limitBytes);
      if (left.endsWith('\n')) continue;
      const torn = await verifyAudit(at.path);
      expect(torn).toMatchObject({ ok: true, torn: [{ line: torn.lines }] });
      await (await openAt(at.path))[Symbol.asyncDispose]();
      expect(await verifyAudit(at.path)).toMatchObject({ ok: true, torn: torn.torn, chainCount: 2 });
      const opening = JSON.parse((await lines(at.path)).at(-2)!);
      expect(opening).toMatchObject({ action: 'log.open', repairs: { bytes: torn.torn[0]!.bytes } });
      return;
    }
    expect.fail('neither limit tore a record');
  });
});

describe('a torn line', () => {
  const fragment = `${recordStart}command.run","caller":{"uid":1}`;

  it.each([fragment, recordStart.slice(0, 3), `${fragment}\n${fragment}`, `${fragment}\n`, `${fragment}\n\n`])(
    'is closed by the next record, which says what it found: %j',
    async (left) => {
      await using at = await folder();
      const log = await openAt(at.path);
      const before = (await readFile(at.path)).length;
      await appendFile(at.path, left);
      await log.event('command.output');
      await log[Symbol.asyncDispose]();
      expect(await verifyAudit(at.path)).toMatchObject({ ok: true, records: 3 });
      const bytes = await readFile(at.path);
      bytes[before + 2]! ^= 1;
      await writeFile(at.path, bytes);
      expect((await verifyAudit(at.path)).firstBad?.line).toBe(2);
    },
  );

  it('that lacks nothing but its newline is a record', async () => {
    await using at = await folder();
    await (await openAt(at.path))[Symbol.asyncDispose]();
    await writeFile(at.path, (await readFile(at.path, 'utf8')).slice(0, -1));
    expect(await verifyAudit(at.path)).toMatchObject({ ok: true, records: 2 });
    await (await openAt(at.path))[Symbol.asyncDispose]();
    expect(await verifyAudit(at.path)).toMatchObject({ ok: true, records: 4, lines: 4, torn: [] });
  });

  it('that another append landed behind is told from a changed record', async () => {
    await using at = await folder();
    await (await openAt(at.path))[Symbol.asyncDispose]();
    const [first = '', second = ''] = await lines(at.path);
    await writeFile(at.path, `${first}\n${fragment}${second}\n`);
    expect(await verifyAudit(at.path)).toMatchObject({
      ok: true,
      records: 2,
      torn: [{ line: 2, bytes: fragment.length }],
    });
    await writeFile(at.path, `${first}${second}\n`);
    expect((await verifyAudit(at.path)).firstBad).toMatchObject({ line: 1, reason: 'two records stand on one line' });
  });
});
