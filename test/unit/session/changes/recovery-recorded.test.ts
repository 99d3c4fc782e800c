import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAudit } from '../../../../src/audit/audit-log.js';
import { version } from '../../../../src/core/version.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { newSessionId } from '../../../../src/kit/random-id.js';
import { recoverLayer } from '../../../../src/session/changes/own-layer.js';
import { cutShort } from '../../workspace/apply/support/cut-short.js';
import { Ground } from '../../workspace/apply/support/ground.js';
import { InMemoryAudit } from '../support/audit.js';

const session = newSessionId();

describe('an apply that was cut short, and is finished', () => {
  let ground: Ground;
  beforeEach(() => {
    ground = new Ground();
    ground.host({ a: 'old', gone: 'x', other: 'changed meanwhile' });
    ground.session({ a: 'new' });
    cutShort(ground);
  });
  afterEach(() => ground[Symbol.dispose]());

  const journal = () => existsSync(join(ground.layer.folder, 'apply.journal'));

  it('is recorded file by file as an apply is, without what was left alone', async () => {
    const path = join(ground.top, 'audit.jsonl');
    const caller = { uid: 1, user: 'a' };
    await using audit = await openAudit({ path, createParent: false, caller, version, clock: systemClock });
    expect(await recoverLayer(ground.layer, { audit, session })).toBe('finished');
    expect(ground.tree()).toEqual({ a: 'new', other: 'changed meanwhile' });
    const lines = readFileSync(path, 'utf8').trim().split('\n').slice(1);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { phase: 'event', action: 'changes.applied', session, details: { recovered: true } },
    ]);
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
    for (const known of ['new', 'a', 'gone']) expect(lines.join()).toContain(sha256(known));
    expect(lines.join()).not.toContain(sha256('other'));
  });

  it('is finished once more where that can not be recorded', async () => {
    const audit = new InMemoryAudit();
    audit.isFull = true;
    const recovered = () => recoverLayer(ground.layer, { audit, session });
    await expect(recovered()).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
    expect(journal()).toBe(true);
    audit.isFull = false;
    expect(await recovered()).toBe('finished');
    expect([audit.events, journal()]).toEqual([[`changes.applied ${session}`], false]);
    expect(await recovered()).toBe('nothing');
    expect(audit.events).toHaveLength(1);
  });
});
