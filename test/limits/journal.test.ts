import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { document, type Finished, paddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';

// Only where the machine is the test's own: what is sent to a journal stays in it.
const isRequired = process.env['PADDOCK_TEST_REQUIRE']?.split(',').includes('systemd') === true;
const patience = { timeout: 60_000, interval: 500 };

describe.runIf(isRequired)('heads of the audit log in the journal of a real systemd-journald (systemd)', () => {
  let place: Place;
  let env: Readonly<Record<string, string>>;

  beforeEach(async () => {
    place = await Place.make();
    env = { XDG_CONFIG_HOME: join(place.root, 'config') };
    await mkdir(join(place.root, 'config', 'paddock'), { recursive: true });
    await writeFile(join(place.root, 'config/paddock/config.toml'), '[audit]\nforward = "journald"\n', { mode: 0o600 });
  });
  afterEach(() => place[Symbol.asyncDispose]());

  const run = (...words: string[]): Promise<Finished> => paddock(place, [...words, '--json'], { env });
  async function done(...words: string[]): Promise<void> {
    const { status, stdout, stderr } = await run(...words);
    expect([status, status === 0 ? '' : `${stdout.toString()}${stderr}`]).toEqual([0, '']);
  }
  const verify = () => run('audit', 'verify', '--against', 'journal');
  /** How many heads in the journal the log was held against, where it held. */
  async function held(): Promise<number> {
    const found = document(await verify()) as { ok?: boolean; checkpoints?: number };
    return found.ok === true ? (found.checkpoints ?? 0) : 0;
  }

  it('hold the log, and find one that was rolled back to an older copy though it verifies by itself', async () => {
    await done('keys', 'create', 'one');
    let before = 0;
    await expect.poll(async () => (before = await held()), patience).toBeGreaterThan(0);
    await copyFile(place.auditLog, join(place.root, 'older'));
    await done('keys', 'revoke', 'one');
    await expect.poll(held, patience).toBeGreaterThan(before);

    const sent = [
      '--identifier=paddock-audit',
      `_UID=${process.getuid?.()}`,
      '--output=json',
      '--no-pager',
      '--lines=1',
    ];
    const entry = JSON.parse(spawnSync('journalctl', sent, { encoding: 'utf8' }).stdout) as Record<string, unknown>;
    expect(entry).toMatchObject({
      SYSLOG_IDENTIFIER: 'paddock-audit',
      PRIORITY: '5',
      _UID: String(process.getuid?.()),
    });
    expect(JSON.parse(String(entry['MESSAGE']))).toMatchObject({ v: 1, signature: expect.any(String) as string });

    await copyFile(join(place.root, 'older'), place.auditLog);
    expect((await run('audit', 'verify')).status).toBe(0);
    const rolledBack = await verify();
    expect([rolledBack.status, document(rolledBack)]).toMatchObject([8, { ok: false, firstBad: {} }]);
  });
});
