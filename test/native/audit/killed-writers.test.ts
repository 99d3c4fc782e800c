import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Checkpoints } from '../../../src/audit/anchor/checkpoints.js';
import { openHostKey } from '../../../src/audit/anchor/host-key.js';
import { unsealed } from '../../../src/audit/erasure/sealed-fields.js';
import { SessionKeys } from '../../../src/audit/erasure/session-keys.js';
import { readBytes } from '../../../src/audit/line-reader.js';
import { listLogFiles } from '../../../src/audit/log-files.js';
import { exportAudit } from '../../../src/audit/read.js';
import { verifyAudit } from '../../../src/audit/verify.js';
import type { VerifyReport } from '../../../src/audit/verify-report.js';
import { type Folder, folder, openAt } from '../../unit/audit/support/log-fixture.js';
import { compileWriter, type WriterProgram } from '../../unit/audit/support/writer-program.js';
import { Writers } from './support/writers.js';

/** How many writers are killed; the full number is for a soak: PADDOCK_AUDIT_ROUNDS=200. */
const kills = Number(process.env['PADDOCK_AUDIT_ROUNDS'] ?? 30);
const places = 3;

let program: WriterProgram;
beforeAll(async () => {
  program = await compileWriter();
}, 60_000);
afterAll(() => program[Symbol.asyncDispose]());

interface Killed {
  readonly told: readonly string[];
  readonly files: number;
  /** Of the whole log, once a process that was not killed has written to it, held against its anchor. */
  readonly report: VerifyReport;
}

/** Kills writers at random moments, and starts others in their places, all on one log; each part of a record has to be told. */
async function killed({ path, dir }: Folder, total: number, more: readonly string[]): Promise<Killed> {
  const writers = new Writers(program.path, path, more);
  const told: string[] = [];
  let dead = 0;
  const place = async () => {
    while (dead < total) {
      const writer = await writers.start();
      await sleep(Math.random() * 60);
      told.push(...(await writers.kill(writer)));
      dead += 1;
      // Also while others write; where files are removed meanwhile, one that was listed may be gone.
      if (dead % 10 === 0 && more.length < 2) expect((await verifyAudit(path)).firstBad).toBeUndefined();
    }
  };
  await Promise.all(Array.from({ length: places }, place));
  const files = (listLogFiles(path).at(-1)?.number ?? 0) + 1;
  await (await openAt(path))[Symbol.asyncDispose]();
  const report = await held(path, dir);
  await writers.torn.count();
  expect(report.firstBad).toBeUndefined();
  expect(report.torn.map(({ file, line }) => `${file}:${line}`)).toEqual(writers.torn.lines());
  return { told, files, report };
}

async function held(path: string, dir: string): Promise<VerifyReport> {
  const anchor = join(dir, 'anchor.jsonl');
  const { publicKey } = await openHostKey(join(dir, 'audit-key.pem'));
  return await verifyAudit(path, {
    checkpoints: () => Checkpoints.read([{ name: anchor, bytes: readBytes(anchor) }], publicKey),
  });
}

/** Which intents there are, and what became of those that were encrypted, once they are read with the keys. */
async function intentsIn({ path, dir }: Folder): Promise<{ ids: Set<string>; sealed: Set<unknown> }> {
  const keys = new SessionKeys(join(dir, 'audit-keys'));
  const [ids, sealed] = [new Set<string>(), new Set<unknown>()];
  for await (const entry of exportAudit(path)) {
    const { record } = entry;
    if (record?.phase !== 'intent' || record.id === undefined) continue;
    ids.add(record.id);
    if (record.session !== undefined) sealed.add(`${record.details === undefined} ${unsealed(entry, keys).personal}`);
  }
  return { ids, sealed };
}

describe('writers of one log that goes on in other files, half of them with an anchor and erasable keys, killed at random moments', () => {
  it('leave no more than one torn record each, which is told, and lose none that they took for written', {
    timeout: 60_000 + kills * 2000,
  }, async () => {
    await using at = await folder();
    const { told, files, report } = await killed(at, kills, ['8000']);
    const { ids, sealed } = await intentsIn(at);
    expect(told.filter((id) => !ids.has(id))).toEqual([]);
    expect([...sealed]).toEqual(['true decrypted']);
    expect([report.ok, report.goneCheckpoints]).toEqual([true, 0]);
    expect(report.torn.length).toBeGreaterThan(0);
    expect(report.unreadableCheckpoints).toBeLessThanOrEqual(kills + places);
    // It was worth the name: records were written, heads signed, and files begun, while the killing went on.
    expect(told.length).toBeGreaterThan(0);
    expect(report.checkpoints).toBeGreaterThan(0);
    expect(files).toBeGreaterThan(1);
  });

  it('do so too while the oldest files are removed', { timeout: 60_000 + kills * 2000 }, async () => {
    await using at = await folder();
    const { told, files, report } = await killed(at, kills / 2, ['3000', '2']);
    expect(report.removedThrough).toBeGreaterThanOrEqual(0);
    expect(listLogFiles(at.path).length).toBeLessThan(files);
    expect(told.length).toBeGreaterThan(0);
  });
});
