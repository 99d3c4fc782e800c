import { createPublicKey } from 'node:crypto';
import { appendFile, chmod, copyFile, mkdir, stat, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAudit } from '../../src/audit/audit-log.js';
import { SessionKeys } from '../../src/audit/erasure/session-keys.js';
import { plain, redactArgv } from '../../src/audit/redaction.js';
import { systemClock } from '../../src/kit/clock.js';
import { newSessionId } from '../../src/kit/random-id.js';
import { document, type Finished, paddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { receive } from '../unit/audit/support/syslog-receiver.js';

const session = newSessionId();
let place: Place;

beforeEach(async () => {
  place = await Place.make();
});

afterEach(() => place[Symbol.asyncDispose]());

const run = (...words: string[]): Promise<Finished> =>
  paddock(place, ['audit', ...words], { env: { XDG_CONFIG_HOME: join(place.root, 'config') } });
const code = (result: Finished) => [result.status, (document(result)['error'] as { code?: string } | undefined)?.code];

/** What a session leaves in the log of a user who has `audit.erasable`. */
async function writeSession(): Promise<void> {
  await mkdir(place.stateDir, { recursive: true, mode: 0o700 });
  const caller = { uid: process.getuid?.() ?? 0, user: userInfo().username };
  const keys = new SessionKeys(join(place.stateDir, 'audit-keys'));
  const about = { path: place.auditLog, createParent: false, caller, version: '0.1.0', clock: systemClock, keys };
  await using log = await openAudit(about);
  const intent = await log.intent('command.run', { session, details: redactArgv(['curl', 'https://a.example']) });
  await intent.outcome('ok', { details: { exitCode: 0 } });
  await log.event('egress.deny', {
    ...{ session, verdict: 'deny', rule: 'egress.allow', details: { host: plain('b.example'), port: 443 } },
  });
}

async function configure(text: string): Promise<void> {
  await mkdir(join(place.root, 'config', 'paddock'), { recursive: true });
  await writeFile(join(place.root, 'config', 'paddock', 'config.toml'), text);
}

describe('paddock audit key', () => {
  it('prints the public key of this host, made once, and refuses one that others can read', async () => {
    const pem = (await run('key')).stdout.toString();
    expect(createPublicKey(pem).asymmetricKeyType).toBe('ed25519');
    const json = document(await run('key', '--json'));
    expect(json).toEqual({
      path: join(place.stateDir, 'audit-key.pem'),
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      publicKey: pem,
    });
    const path = join(place.stateDir, 'audit-key.pem');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await chmod(path, 0o644);
    expect(code(await run('key', '--json'))).toEqual([8, 'AUDIT_UNWRITABLE']);
    expect(code(await run('key', 'more', '--json'))).toEqual([2, 'BAD_ARGUMENT']);
  });
});

describe('paddock audit show', () => {
  it('tells a session as a story, and as one document', async () => {
    await writeSession();
    const { status, stdout } = await run('show', session);
    expect([status, stdout.toString()]).toEqual([0, expect.stringMatching(/command\.run.*curl.*b\.example/s)]);
    expect(document(await run('show', session, '--json'))).toMatchObject({
      ...{ session, stepsLeftOut: 0, unreadable: 0 },
      steps: [
        {
          kind: 'command',
          action: 'command.run',
          result: 'ok',
          details: { program: 'curl' },
          outcome: { exitCode: 0 },
        },
        { kind: 'egress', action: 'egress.deny', verdict: 'deny', rule: 'egress.allow', details: { port: 443 } },
      ],
    });
  });

  it('refuses what is no session, one that the log does not have, and a log that is not there', async () => {
    expect(code(await run('show', session, '--json'))).toEqual([2, 'BAD_ARGUMENT']);
    await writeSession();
    expect(code(await run('show', '--json'))).toEqual([2, 'BAD_ARGUMENT']);
    expect(code(await run('show', 'pdk_no', '--json'))).toEqual([2, 'BAD_ARGUMENT']);
    const unknown = await run('show', newSessionId());
    expect([unknown.status, unknown.stderr]).toEqual([6, expect.stringContaining('NO_SUCH_SESSION')]);
    expect(unknown.stdout.toString()).toBe('');
  });
});

describe('paddock audit export', () => {
  it('writes rows for a sheet and events for a SIEM, decrypted, and refuses what is neither', async () => {
    await writeSession();
    const of = ['--session', session];
    const csv = await run('export', '--format', 'csv', ...of);
    const [header, ...rows] = csv.stdout.toString().split('\r\n');
    expect([csv.status, header, rows.pop()]).toEqual([0, expect.stringMatching(/^time,file,chain,.*,problem$/), '']);
    expect(rows.map((row) => / (.*)/.exec(row.replaceAll(',', ' '))?.[0])).toEqual([
      expect.stringMatching(/intent .*command\.run .*curl/),
      expect.stringMatching(/outcome .*command\.run .*ok/),
      expect.stringMatching(/event .*egress\.deny .*deny egress\.allow .*b\.example/),
    ]);

    const ocsf = await run('export', '--format', 'ocsf', ...of);
    const events = ocsf.stdout.toString().trimEnd().split('\n');
    const metadata = { version: '1.2.0', correlation_uid: session };
    expect([ocsf.status, events.map((event) => JSON.parse(event) as unknown)]).toMatchObject([
      0,
      [
        { class_uid: 1007, activity_id: 1, metadata, process: { name: 'curl' } },
        { class_uid: 1007, activity_id: 2, metadata, status_code: 'ok' },
        { class_uid: 6003, severity_id: 3, metadata, unmapped: { rule: 'egress.allow' } },
      ],
    ]);
    expect(document(await run('export', '--format', 'ocsf', '--json', ...of))['entries']).toHaveLength(3);
    expect(code(await run('export', '--format', 'csv', '--json'))).toEqual([2, 'BAD_ARGUMENT']);
    expect(code(await run('export', '--format', 'xml', '--json'))).toEqual([2, 'BAD_ARGUMENT']);
  });
});

describe('paddock audit forget', () => {
  it('leaves nothing personal to be read, on the record, and a log that verifies; once', async () => {
    await writeSession();
    expect(document(await run('forget', session, '--json'))).toEqual({
      ...{ session, forgotten: true, changesKept: false, snapshotsKept: [] },
    });
    const shown = (await run('show', session)).stdout.toString();
    expect(shown).toContain('command.run');
    expect(shown).not.toMatch(/curl|b\.example/);
    const { entries } = document(await run('export', '--json', '--session', session)) as {
      entries: { personal?: string; record: { action: string; result?: string } }[];
    };
    expect(entries.slice(0, 3).map(({ personal }) => personal)).toEqual(Array.from({ length: 3 }, () => 'forgotten'));
    expect(entries.slice(3).map(({ record }) => [record.action, record.result])).toEqual([
      ['audit.forget', undefined],
      ['audit.forget', 'ok'],
    ]);
    expect((await run('verify')).status).toBe(0);
    const again = await run('forget', session);
    expect([again.status, again.stdout.toString()]).toEqual([0, expect.stringContaining('already')]);
  });

  it('refuses a session that is not over, one without a key, and what is none', async () => {
    await writeSession();
    await mkdir(join(place.stateDir, 'sessions'), { mode: 0o700 });
    await writeFile(join(place.stateDir, 'sessions', `${session}.json`), '{}');
    expect(code(await run('forget', session, '--json'))).toEqual([2, 'BAD_ARGUMENT']);
    expect((await run('show', session)).stdout.toString()).toContain('curl');
    const unknown = await run('forget', newSessionId(), '--json');
    expect(code(unknown)).toEqual([6, 'NO_SUCH_SESSION']);
    expect(document(unknown)).toMatchObject({ error: { next: expect.stringContaining('keep_age') } });
    expect(code(await run('forget', '--json'))).toEqual([2, 'BAD_ARGUMENT']);
    expect(code(await run('forget', 'all', '--json'))).toEqual([2, 'BAD_ARGUMENT']);
  });
});

describe('audit.forward', () => {
  it('lets nothing be done where it can not be, and its heads find a log that was rolled back', async () => {
    const socket = join(place.root, 'log');
    await configure(`[audit]\nforward = "${socket}"\n`);
    await writeSession();
    expect(code(await run('forget', session, '--json'))).toEqual([8, 'AUDIT_NOT_FORWARDED']);
    expect((await run('show', session)).stdout.toString()).toContain('curl');

    const heads = join(place.root, 'syslog');
    await copyFile(place.auditLog, join(place.root, 'older'));
    await using receiver = await receive(socket);
    expect((await run('forget', session)).status).toBe(0);
    // Which log comes, and how it ended.
    await receiver.has(2);
    await writeFile(heads, `nothing of ours\n${receiver.messages.map((line) => `host x: ${line}\n`).join('')}`);
    const held = await run('verify', '--against', heads);
    expect([held.status, held.stdout.toString()]).toEqual([0, expect.stringMatching(`checkpoints of ${heads}\n`)]);
    await appendFile(heads, '{"bytes":4711,"file":0,"key":"');
    const torn = await run('verify', '--against', heads);
    expect([torn.status, torn.stdout.toString()]).toEqual([0, expect.stringContaining('and passed over: 1\n')]);

    // What one place holds says nothing of the other.
    const [anchor, nothing] = [join(place.root, 'anchor'), join(place.root, 'nothing')];
    await writeFile(anchor, `${receiver.messages.join('\n')}\n`);
    await writeFile(nothing, 'nothing of ours\n');
    const both = await run('verify', '--against', heads, '--anchor', anchor);
    expect([both.status, both.stdout.toString()]).toEqual([
      0,
      expect.stringContaining(`${heads} (1) and ${anchor} (1)`),
    ]);
    expect(code(await run('verify', '--against', nothing, '--anchor', anchor, '--json'))).toEqual([2, 'BAD_ARGUMENT']);
    expect(code(await run('verify', '--against', heads, '--anchor', nothing, '--json'))).toEqual([2, 'BAD_ARGUMENT']);

    await copyFile(join(place.root, 'older'), place.auditLog);
    expect((await run('verify')).status).toBe(0);
    const rolledBack = await run('verify', '--against', heads, '--json');
    expect([rolledBack.status, document(rolledBack)]).toMatchObject([8, { ok: false, firstBad: { line: 5 } }]);
    await writeFile(heads, 'nothing of ours\n');
    expect(code(await run('verify', '--against', heads, '--json'))).toEqual([2, 'BAD_ARGUMENT']);
    expect(code(await run('verify', '--against', join(place.root, 'none'), '--json'))).toEqual([2, 'BAD_ARGUMENT']);
  });
});
