import { appendFile, chmod, copyFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Checkpoints } from '../../../src/audit/anchor/checkpoints.js';
import { openHostKey, readPublicKey } from '../../../src/audit/anchor/host-key.js';
import { openAudit } from '../../../src/audit/audit-log.js';
import { readBytes } from '../../../src/audit/line-reader.js';
import { listLogFiles } from '../../../src/audit/log-files.js';
import { verifyAudit } from '../../../src/audit/verify.js';
import { systemClock } from '../../../src/kit/clock.js';
import { caller, type Folder, folder, lines, openAt } from './support/log-fixture.js';

interface Anchored {
  readonly anchor: string;
  readonly keyPath: string;
}

function places({ dir }: Folder): Anchored {
  return { anchor: join(dir, 'anchor.jsonl'), keyPath: join(dir, 'key.pem') };
}

/** Some records, each with a checkpoint. */
async function write(f: Folder, records: number, fileBytes = 2500, troubles: string[] = []): Promise<void> {
  const { anchor, keyPath } = places(f);
  const key = await openHostKey(keyPath);
  await using log = await openAudit({
    ...{ path: f.path, createParent: false, caller, version: '0.1.0', clock: systemClock, rotation: { fileBytes } },
    anchor: { path: anchor, key, everyRecords: 1, withinMs: 1000 },
    onTrouble: (what) => troubles.push(what),
  });
  for (let n = 0; n < records; n += 1) await log.intent('command.run', { details: { n } });
}

async function verify(f: Folder) {
  const { anchor, keyPath } = places(f);
  const { publicKey } = await openHostKey(keyPath);
  return await verifyAudit(f.path, {
    checkpoints: () => Checkpoints.read([{ name: anchor, bytes: readBytes(anchor) }], publicKey),
  });
}

describe('the key of the host', () => {
  it('is made once, private, by however many ask at once, and its public part can be given away', async () => {
    await using f = await folder();
    const { keyPath } = places(f);
    const keys = await Promise.all(Array.from({ length: 8 }, () => openHostKey(keyPath)));
    expect(new Set(keys.map((key) => key.publicKey.id)).size).toBe(1);
    expect((await stat(keyPath)).mode & 0o777).toBe(0o600);
    expect((await stat(keyPath)).nlink).toBe(1);
    await writeFile(join(f.dir, 'public.pem'), keys[0]!.publicKey.pem);
    expect(await readPublicKey(join(f.dir, 'public.pem'))).toMatchObject({ id: keys[0]!.publicKey.id });
    await expect(readPublicKey(join(f.dir, 'none'))).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await chmod(keyPath, 0o644);
    await expect(openHostKey(keyPath)).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
  });
});

describe('a log with an anchor', () => {
  it('verifies against it, also after it went on', async () => {
    await using f = await folder();
    await write(f, 8);
    await write(f, 4);
    expect(listLogFiles(f.path).length).toBeGreaterThan(2);
    const report = await verify(f);
    expect(report.firstBad).toBeUndefined();
    expect(report.checkpoints).toBeGreaterThan(1);
  });

  it.each<[string, string, string, (f: Folder) => Promise<void>]>([
    [
      'whose end was cut off',
      'audit.jsonl',
      'its end was cut off',
      async (f) => {
        await writeFile(f.path, `${(await lines(f.path)).slice(0, -1).join('\n')}\n`);
      },
    ],
    ['that was emptied', 'audit.jsonl', 'its end was cut off', (f) => writeFile(f.path, '')],
    ['that is gone', 'audit.jsonl', 'this file is missing', (f) => rm(f.path)],
    [
      'that was rolled back to an older copy',
      'audit.jsonl',
      'older copy put in its place',
      async (f) => {
        await copyFile(f.path, `${f.path}-old`);
        await write(f, 3, Number.POSITIVE_INFINITY);
        await copyFile(`${f.path}-old`, f.path);
      },
    ],
    [
      'that was made anew',
      'audit.jsonl',
      'was',
      async (f) => {
        await using other = await folder();
        await write(other, 12, Number.POSITIVE_INFINITY);
        await copyFile(other.path, f.path);
      },
    ],
  ])('%s does not verify, though it does by itself', async (_what, file, reason, change) => {
    await using f = await folder();
    await write(f, 6, Number.POSITIVE_INFINITY);
    expect((await verify(f)).ok).toBe(true);
    await change(f);
    if (file !== 'audit.jsonl' || reason !== 'this file is missing') expect((await verifyAudit(f.path)).ok).toBe(true);
    const { ok, firstBad } = await verify(f);
    expect(ok).toBe(false);
    expect(firstBad).toMatchObject({ file, reason: expect.stringContaining(reason) });
  });

  it('says of how many checkpoints the files were removed: nothing is there to hold against them', async () => {
    await using f = await folder();
    await write(f, 12);
    expect(await verify(f)).toMatchObject({ ok: true, goneCheckpoints: 0 });
    const last = listLogFiles(f.path).length - 1;
    await (await openAt(f.path, systemClock, { keepFiles: 2 }))[Symbol.asyncDispose]();
    const { ok, checkpoints = 0, goneCheckpoints = 0, removedThrough } = await verify(f);
    expect({ ok, removedThrough }).toEqual({ ok: true, removedThrough: last - 2 });
    expect(goneCheckpoints).toBeGreaterThan(0);
    expect(goneCheckpoints).toBeLessThan(checkpoints);
  });

  it('in several files, whose last files are gone, does not either', async () => {
    await using f = await folder();
    await write(f, 12);
    const last = listLogFiles(f.path).at(-1)!;
    await rm(last.path);
    expect((await verifyAudit(f.path)).ok).toBe(true);
    expect((await verify(f)).firstBad).toMatchObject({ file: expect.stringContaining(String(last.number)), line: 0 });
  });

  it('is not fooled by checkpoints of another key, and passes over one that was cut short', async () => {
    await using f = await folder();
    await write(f, 3);
    const { anchor, keyPath } = places(f);
    const text = await readFile(anchor, 'utf8');
    await writeFile(anchor, `${text.slice(0, 40)}\n${text}`);
    expect(await verify(f)).toMatchObject({ ok: true, unreadableCheckpoints: 1 });
    await rm(keyPath);
    expect((await verify(f)).firstBad).toMatchObject({ line: 2, reason: expect.stringContaining('not signed') });
  });

  it('goes on when the anchor can not be written, and says so once', async () => {
    await using f = await folder();
    await mkdir(places(f).anchor);
    const troubles: string[] = [];
    await write(f, 5, 2500, troubles);
    expect(troubles).toEqual([expect.stringContaining('of the audit log could not be written: EISDIR')]);
    expect(await verifyAudit(f.path)).toMatchObject({ ok: true });
    await appendFile(f.path, '');
  });
});
