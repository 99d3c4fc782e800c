import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listLogFiles } from '../../../src/audit/log-files.js';
import { exportAudit } from '../../../src/audit/read.js';
import { verifyAudit } from '../../../src/audit/verify.js';
import { folder, openAt } from '../../unit/audit/support/log-fixture.js';
import { compileWriter, type WriterProgram } from '../../unit/audit/support/writer-program.js';

/** How many writers are killed; the full number is for a soak: PADDOCK_AUDIT_ROUNDS=200. */
const kills = Number(process.env['PADDOCK_AUDIT_ROUNDS'] ?? 30);
const writers = 3;

let program: WriterProgram;
beforeAll(async () => {
  program = await compileWriter();
}, 60_000);
afterAll(() => program[Symbol.asyncDispose]());

interface Writer {
  readonly child: ChildProcessByStdio<null, Readable, null>;
  readonly printed: string[];
}

async function start(path: string, more: string[]): Promise<Writer> {
  const child = spawn(process.execPath, [program.path, path, '0', 'told', ...more], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const printed: string[] = [];
  child.stdout.on('data', (chunk: Buffer) => printed.push(chunk.toString()));
  await once(child.stdout, 'data');
  return { child, printed };
}

/** What it took for written, by its ids. */
async function kill({ child, printed }: Writer): Promise<string[]> {
  expect(child.exitCode, 'a writer ended by itself').toBeNull();
  child.kill('SIGKILL');
  await once(child, 'close');
  return printed
    .join('')
    .split('\n')
    .filter((line) => line.includes('.'));
}

/** Kills writers at random moments, and starts others in their places, all on one log. */
async function killed(path: string, total: number, more: string[]): Promise<{ told: string[]; files: number }> {
  const told: string[] = [];
  let dead = 0;
  const place = async () => {
    while (dead < total) {
      const writer = await start(path, more);
      await sleep(Math.random() * 60);
      told.push(...(await kill(writer)));
      dead += 1;
      if (dead % 10 === 0 && more.length < 2) await atMostOneEach(path, dead);
    }
  };
  await Promise.all(Array.from({ length: writers }, place));
  return { told, files: (listLogFiles(path).at(-1)?.number ?? 0) + 1 };
}

/** Also while others write. */
async function atMostOneEach(path: string, dead: number): Promise<void> {
  const report = await verifyAudit(path);
  expect(report.firstBad).toBeUndefined();
  // Of those that live, or died meanwhile, each may be seen in the middle of its append.
  expect(report.torn.length).toBeLessThanOrEqual(dead + writers);
}

async function idsIn(path: string): Promise<Set<string>> {
  const ids = new Set<string>();
  for await (const { record } of exportAudit(path)) if (record?.phase === 'intent' && record.id) ids.add(record.id);
  return ids;
}

describe('writers of one log that goes on in other files, killed at random moments', () => {
  it('leave no more than one torn record each, and lose none that they took for written', {
    timeout: 60_000 + kills * 2000,
  }, async () => {
    await using at = await folder();
    const { told, files } = await killed(at.path, kills, ['8000']);
    await atMostOneEach(at.path, kills + writers);
    await (await openAt(at.path))[Symbol.asyncDispose]();
    await atMostOneEach(at.path, kills + writers);
    const ids = await idsIn(at.path);
    expect(told.filter((id) => !ids.has(id))).toEqual([]);
    // It was worth the name: records were written, and files begun, while the killing went on.
    expect(told.length).toBeGreaterThan(0);
    expect(files).toBeGreaterThan(1);
  });

  it('do so too while the oldest files are removed', { timeout: 60_000 + kills * 2000 }, async () => {
    await using at = await folder();
    const { told, files } = await killed(at.path, kills / 2, ['3000', '2']);
    await (await openAt(at.path))[Symbol.asyncDispose]();
    const report = await verifyAudit(at.path);
    expect(report.firstBad).toBeUndefined();
    expect(report.removedThrough).toBeGreaterThanOrEqual(0);
    expect(listLogFiles(at.path).length).toBeLessThan(files);
    expect(told.length).toBeGreaterThan(0);
  });
});
