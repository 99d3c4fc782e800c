import { chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SessionKeys } from '../../../src/audit/erasure/session-keys.js';
import type { CliCommand } from '../../../src/cli/command.js';
import { audit } from '../../../src/cli/commands/audit.js';
import { changes } from '../../../src/cli/commands/changes.js';
import { encryption } from '../../../src/cli/commands/encryption.js';
import { newSessionId, newSnapshotId } from '../../../src/kit/random-id.js';
import { writeSnapshotNote } from '../../../src/session/snapshot-shelf.js';
import { type LayerNote, writeLayerNote } from '../../../src/workspace/layer-note.js';

const project = { source: '/home/ada/app', dev: '1', ino: '2' };
const sealedWith = (key: string) => ({ id: 'a'.repeat(26), key, bytes: 100 });
const strange = 'f'.repeat(32);
const untilMs = Date.UTC(2100, 0);
const kept = { endedAtMs: 0, untilMs, bytes: 5 };

let folder: string;
let state: string;
let keyFile: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'pdk-encryption-')));
  state = join(folder, 'paddock');
  keyFile = join(folder, 'kept.key');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function call(command: CliCommand, positionals: readonly string[], json: boolean, values = {}) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const env = { XDG_STATE_HOME: folder, XDG_RUNTIME_DIR: folder, XDG_CONFIG_HOME: folder };
  const terminal = { stdin: new PassThrough(), stdout, stderr, stderrIsTerminal: false, screen: undefined };
  const { signal } = new AbortController();
  const status = await command.run({ values, positionals, rest: [], json, env, terminal, signal });
  return { status, text: String(stdout.read()) };
}
async function said(command: CliCommand, positionals: readonly string[], values = {}): Promise<unknown> {
  return JSON.parse((await call(command, positionals, true, values)).text);
}

function configure(lines: string): void {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, 'paddock', 'config.toml'), `[encryption]\n${lines}\n`);
}

/** What a session has left. */
async function leave(more: Partial<LayerNote>): Promise<string> {
  const id = newSessionId();
  const place = join(state, 'layers', id);
  mkdirSync(join(place, 'upper'), { recursive: true });
  await writeLayerNote(place, {
    version: 1,
    session: id,
    madeAtMs: 0,
    project,
    sinceNs: '1',
    keepMs: 1,
    kept,
    ...more,
  });
  return id;
}

async function shelve(session: string, key?: string): Promise<string> {
  const id = newSnapshotId();
  mkdirSync(join(state, 'snapshots', id), { recursive: true });
  const counts = { entries: 1, bytes: 1, leftOut: 0, digest: '0'.repeat(64) };
  const sealed = key === undefined ? {} : { sealed: sealedWith(key) };
  const note = { version: 1 as const, id, session, madeAtMs: 0, untilMs, project, sinceNs: '1', ...counts, ...sealed };
  await writeSnapshotNote(join(state, 'snapshots'), note);
  return id;
}

describe('paddock encryption', () => {
  it('makes a key that only its owner can read, puts the next one behind it, and shows and logs neither', async () => {
    const first = await call(encryption, ['keygen', keyFile], false);
    expect(first.text).toMatch(/kept\.key has a new key [0-9a-f]{32}; what is kept from now on is encrypted with it/);
    const second = (await said(encryption, ['keygen', keyFile])) as { path: string; key: string };
    expect(second).toEqual({ path: keyFile, key: expect.stringMatching(/^[0-9a-f]{32}$/) });
    const secrets = readFileSync(keyFile, 'utf8').match(/AGE-SECRET-KEY-1\w+/g) ?? [];
    expect(secrets).toHaveLength(2);
    const log = readFileSync(join(state, 'audit.jsonl'), 'utf8');
    expect(log).toContain(second.key);
    expect(log).toContain('encryption.keygen');
    for (const secret of secrets) expect(`${log}${first.text}`).not.toContain(secret.slice(0, 24));
  });

  it('says what is encrypted, and which of that can be opened', async () => {
    const { key } = (await said(encryption, ['keygen', keyFile])) as { key: string };
    configure(`kept = true\nkey_file = "${keyFile}"`);
    for (const sealed of [sealedWith(key), sealedWith(strange), undefined]) await leave({ sealed });
    // It runs: there is nothing to be encrypted of it yet.
    await leave({ kept: undefined });
    await shelve(newSessionId(), key);
    expect(await said(encryption, ['status'])).toEqual({
      ...{ kept: true, keys: [key] },
      changes: { encrypted: 2, plain: 1, withoutKey: 1 },
      snapshots: { encrypted: 1, plain: 0, withoutKey: 0 },
    });
    const { status, text } = await call(encryption, ['status'], false);
    expect(status).toBe(0);
    expect(text.trim().split('\n')).toEqual([
      'what is kept after sessions is encrypted',
      `keys: ${key}`,
      'changes: 2 encrypted (1 with a key that is not there), 1 in clear',
      'snapshots: 1 encrypted, 0 in clear',
    ]);
  });

  it('says that nothing is set, and nothing kept', async () => {
    const { status, text } = await call(encryption, ['status'], false);
    expect([status, text.split('\n').slice(0, 2)]).toEqual([
      0,
      ['what is kept after sessions is not encrypted', 'changes: 0 encrypted, 0 in clear'],
    ]);
  });

  it('fails where the key that is set can not be used, and says why', async () => {
    configure(`kept = true\nkey_file = "${keyFile}"`);
    expect((await call(encryption, ['status'], false)).status).toBe(5);
    await said(encryption, ['keygen', keyFile]);
    chmodSync(keyFile, 0o644);
    const { status, text } = await call(encryption, ['status'], true);
    expect(status).toBe(5);
    expect(JSON.parse(text)).toMatchObject({ keys: [], error: { code: 'ENCRYPTION_KEY_UNUSABLE' } });
    expect((await call(encryption, ['status'], false)).text).toContain('keys: none (ENCRYPTION_KEY_UNUSABLE: ');
  });

  it('refuses other words, and to write behind something that is no key', async () => {
    for (const words of [[], ['keygen'], ['status', 'more'], ['destroy']]) {
      await expect(call(encryption, words, true)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    }
    writeFileSync(keyFile, 'my notes\n', { mode: 0o600 });
    await expect(call(encryption, ['keygen', keyFile], true)).rejects.toMatchObject({
      code: 'ENCRYPTION_KEY_UNUSABLE',
    });
    expect(readFileSync(keyFile, 'utf8')).toBe('my notes\n');
  });
});

describe('what is kept of sessions', () => {
  it('is listed with how it lies there', async () => {
    configure(`kept = true\nkey_file = "${keyFile}"`);
    const ids = [
      await leave({ madeAtMs: 1, sealed: sealedWith(strange) }),
      await leave({ madeAtMs: 2, kept: { ...kept, plainBecause: 'ENCRYPTION_KEY_UNUSABLE', triedAtMs: 1 } }),
      await leave({ madeAtMs: 3 }),
      await leave({ madeAtMs: 4, kept: undefined }),
      await leave({
        ...{ madeAtMs: 5, sealed: sealedWith(strange) },
        kept: { ...kept, plainBecause: 'STATE_UNWRITABLE', triedAtMs: 1 },
      }),
    ];
    const { sessions } = (await said(changes, [], { all: true })) as { sessions: Record<string, unknown>[] };
    expect(sessions).toMatchObject([
      { sessionId: ids[0], encrypted: true },
      { sessionId: ids[1], encrypted: false, notEncrypted: 'ENCRYPTION_KEY_UNUSABLE' },
      { sessionId: ids[2], encrypted: false, encryptionPending: true },
      { sessionId: ids[3] },
      { sessionId: ids[4], encrypted: true, notEncrypted: 'STATE_UNWRITABLE' },
    ]);
    const lines = (await call(changes, [], false, { all: true })).text.split('\n').slice(1);
    expect(lines[0]).toContain(', encrypted ');
    expect(lines[1]).toContain('NOT ENCRYPTED (ENCRYPTION_KEY_UNUSABLE), the next `paddock prune` tries again');
    expect(lines[2]).toContain('not encrypted yet, which goes on');
    expect(lines[3]).toContain(' open ');
    expect(lines[4]).toContain(', encrypted, but NOT YET REMOVED in clear (STATE_UNWRITABLE)');
  });

  it('is named where a session is forgotten in the audit log, since that does not remove it', async () => {
    const id = await leave({ sealed: sealedWith(strange) });
    const [snapshot, other] = [await shelve(id, strange), await shelve(newSessionId(), strange)];
    new SessionKeys(join(state, 'audit-keys')).forWriting(id);
    const words = (await call(audit, ['forget', id], false)).text;
    expect(words).toContain(`\`paddock discard ${id}\``);
    expect(words).toContain(`\`paddock snapshots --rm ${snapshot}\``);
    expect(words).not.toContain(other);
    expect(await said(audit, ['forget', id])).toEqual({
      ...{ session: id, forgotten: true, changesKept: true, snapshotsKept: [snapshot] },
    });
  });
});
