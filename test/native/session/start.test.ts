import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditRecorder } from '../../../src/audit/audit-log.js';
import { AuditError } from '../../../src/core/errors.js';
import type { Engine } from '../../../src/engine/types.js';
import { systemClock } from '../../../src/kit/clock.js';
import { deferred } from '../../../src/kit/deferred.js';
import { pidNamespaceOf, startTicksOf } from '../../../src/sandbox/processes.js';
import { Sandbox } from '../../../src/sandbox/sandbox.js';
import { Idleness } from '../../../src/session/idleness.js';
import { specOf } from '../../../src/session/record.js';
import { Session } from '../../../src/session/session.js';
import { SessionLog } from '../../../src/session/session-log.js';
import { InMemoryAudit } from '../../unit/session/support/audit.js';
import { record } from '../../unit/session/support/records.js';
import { RealRig } from '../channel/support/real-init.js';
import { builtInit } from '../init/support/compiled.js';

const limits = { timeoutMs: 0, outputCapBytes: 4096, outputLimitBytes: 2 ** 20 };

/** An audit log whose disk takes as long as the test says. */
class SlowAudit extends InMemoryAudit {
  readonly disk = deferred<undefined>();

  override async intent(...args: Parameters<AuditRecorder['intent']>) {
    await this.disk.promise;
    return super.intent(...args);
  }
}

describe('a command of a session', () => {
  let folder = '';
  let rig: RealRig;
  let session: Session;
  let log: SessionLog;
  let audit: SlowAudit;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'paddock-start-'));
    rig = await RealRig.open(builtInit(), 'FIFOs');
    audit = new SlowAudit();
    const ours = record();
    // This process stands in for process 1, so that its root is the one in which folders are looked for.
    const initPid = process.pid;
    const handle = {
      ...{ containerId: 'none', initPid, namespace: pidNamespaceOf(initPid) ?? '' },
      ...{ initStartTicks: startTicksOf(initPid) ?? 0, spec: specOf(ours), evidence: { controls: [], readAtMs: 0 } },
    };
    const release = () => Promise.resolve();
    // No engine takes part in a command over the channel.
    const sandbox = new Sandbox(handle, {} as Engine, systemClock, { path: 'fifo', channel: rig.channel, release });
    log = new SessionLog(join(folder, 'log'));
    session = new Session({
      record: ours,
      sandbox,
      log,
      audit,
      clock: systemClock,
      idleness: new Idleness({ timeoutMs: undefined, clock: systemClock }),
      notes: [],
    });
  });
  afterEach(async () => {
    await rig[Symbol.asyncDispose]();
    await log[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const mark = () => join(folder, 'it-ran');
  const touch = (cwd?: string) =>
    session.start({ argv: ['/usr/bin/touch', mark()], ...limits, ...(cwd === undefined ? {} : { cwd }) });

  it('starts when its intent is on the disk, and not before', async () => {
    const starting = touch();
    await systemClock.sleep(150);
    expect(existsSync(mark())).toBe(false);
    audit.disk.resolve(undefined);
    await (await starting).settled;
    expect(existsSync(mark())).toBe(true);
    expect(audit.lines).toEqual([`command.run ${session.id} ok`]);
  });

  it('never starts when its intent cannot be recorded', async () => {
    audit.disk.reject(new AuditError('AUDIT_UNWRITABLE', 'the disk is full'));
    await expect(touch()).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    await systemClock.sleep(150);
    expect(existsSync(mark())).toBe(false);
  });

  it('is recorded as not run when its folder is missing, after its intent', async () => {
    const starting = touch('/no/such/folder');
    audit.disk.resolve(undefined);
    await expect(starting).rejects.toMatchObject({ code: 'COMMAND_NOT_RUN' });
    expect(audit.lines).toEqual([`command.run ${session.id} COMMAND_NOT_RUN`]);
  });

  it('runs on when its session is let go, and is not said to have ended', async () => {
    audit.disk.resolve(undefined);
    const entry = await session.start({ argv: ['/usr/bin/sleep', '60'], ...limits });
    await session.letGo();
    expect(entry.outcome).toMatchObject({ error: { code: 'CHANNEL_UNAVAILABLE' } });
    const log = readFileSync(join(folder, 'log'), 'utf8');
    expect(log).toContain(`${entry.id} runs on`);
    expect(log).not.toContain('ended');
    expect(audit.lines).toEqual([`command.run ${session.id} ok`]);
  });

  it('fails for the audit log alone when both that and its folder are at fault', async () => {
    const starting = touch('/no/such/folder');
    audit.disk.reject(new AuditError('AUDIT_UNWRITABLE', 'the disk is full'));
    await expect(starting).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
  });
});
