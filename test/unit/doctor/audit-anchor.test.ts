import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Checkpoints } from '../../../src/audit/anchor/checkpoints.js';
import { openHostKey } from '../../../src/audit/anchor/host-key.js';
import { openAudit } from '../../../src/audit/audit-log.js';
import { readBytes } from '../../../src/audit/line-reader.js';
import { auditLogCheck } from '../../../src/doctor/checks/audit-log.js';
import type { DoctorContext } from '../../../src/doctor/context.js';
import { hostFiles } from '../../../src/doctor/host-files.js';
import { systemClock } from '../../../src/kit/clock.js';
import { caller, type Folder, folder } from '../audit/support/log-fixture.js';
import { findings, hostWith } from './support/host.js';

const anchorIn = ({ dir }: Folder) => join(dir, 'anchor.jsonl');
const keyIn = ({ dir }: Folder) => openHostKey(join(dir, 'key.pem'));

/** Two processes have written, one after the other; returns where the first one ended. */
async function written(f: Folder): Promise<number> {
  const anchor = { path: anchorIn(f), key: await keyIn(f), everyRecords: 100, withinMs: 60_000 };
  let bytes = 0;
  for (let n = 0; n < 2; n += 1) {
    bytes = await readFile(f.path).then(
      (text) => text.length,
      () => 0,
    );
    await using log = await openAudit({
      ...{ path: f.path, createParent: false, caller, version: '0.1.0', clock: systemClock, anchor },
    });
    await log.event('session.expire', { details: { n } });
  }
  return bytes;
}

async function found(f: Folder, isAnchored = true) {
  const path = anchorIn(f);
  const read = async () => await Checkpoints.read([{ name: path, bytes: readBytes(path) }], (await keyIn(f)).publicKey);
  const ctx: Partial<DoctorContext> = {
    files: hostFiles,
    user: { name: 'ada', uid: caller.uid, gid: process.getgid?.() ?? 0 },
    paths: { ...hostWith().paths, stateDir: f.dir, auditLog: f.path },
    ...(isAnchored ? { anchor: { path, read } } : {}),
  };
  const [finding] = await findings(auditLogCheck, { ctx });
  return finding;
}

describe('the check audit-log, where an anchor is set', () => {
  it('holds the log against it, and says so', async () => {
    await using f = await folder();
    expect(await found(f)).toMatchObject({
      status: 'pass',
      evidence: expect.stringContaining('first action') as string,
    });
    await written(f);
    const evidence = expect.stringMatching(/verify, against 2 checkpoints of \S*anchor\.jsonl$/) as string;
    expect(await found(f)).toMatchObject({ status: 'pass', evidence });
  });

  it('finds an end that was cut off, which a log without one does not show, and says that it does not', async () => {
    await using f = await folder();
    await truncate(f.path, await written(f));
    expect(await found(f)).toMatchObject({ status: 'fail', evidence: expect.stringContaining('cut off') as string });
    const evidence = expect.stringContaining('a cut end is not seen') as string;
    expect(await found(f, false)).toMatchObject({ status: 'pass', evidence });
  });

  it('finds a log that was removed whole', async () => {
    await using f = await folder();
    await written(f);
    await rm(f.path);
    expect(await found(f)).toMatchObject({ status: 'fail', evidence: expect.stringContaining('missing') as string });
  });

  it('does not pass where the anchor is gone or has been emptied', async () => {
    await using f = await folder();
    await written(f);
    await writeFile(anchorIn(f), '');
    expect(await found(f)).toMatchObject({ status: 'warn', remedy: expect.stringContaining('removed') as string });
    await rm(anchorIn(f));
    expect(await found(f)).toMatchObject({ status: 'warn', remedy: expect.stringContaining('removed') as string });
  });
});
