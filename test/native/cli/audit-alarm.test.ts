import { chmod, mkdir, mkdtemp, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyAudit } from '../../../src/audit/verify.js';
import { CountedServer } from '../../support/counted-server.js';
import { WebhookReceiver } from '../../support/webhook-receiver.js';

let home: string;
let log: string;
let hook: WebhookReceiver;
let server: CountedServer;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'pdk-alarm-'));
  log = join(home, 'log', 'audit.jsonl');
  hook = await WebhookReceiver.start();
  const settings = join(home, '.config', 'paddock');
  await mkdir(dirname(log), { mode: 0o700 });
  await mkdir(settings, { recursive: true, mode: 0o700 });
  await writeFile(join(settings, 'config.toml'), `[alerts]\nwebhook = "${hook.url}"\n`, { mode: 0o600 });
  server = await CountedServer.start(home, log);
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await hook[Symbol.asyncDispose]();
  await chmod(dirname(log), 0o700);
  await rm(home, { recursive: true });
});

/** A call that is refused, and has to be on record as that. */
const refusal = () => server.refusalOf('no_such_tool');

async function counted(): Promise<readonly (number | undefined)[]> {
  const samples = await server.samples();
  const names = ['audit_writable', 'audit_failures_total', 'alarms_total{kind="audit",level="critical"}'];
  return [...names, 'alerts_total{outlet="webhook",result="ok"}'].map((name) => samples.get(`paddock_${name}`));
}

/** Nothing that a caller does gets past a log that can't be written, and somebody hears of it outside. */
async function alarmed(): Promise<void> {
  expect(await refusal()).toBe('AUDIT_UNWRITABLE');
  await expect.poll(() => hook.received).toMatchObject([{ kind: 'audit', level: 'critical' }]);
  await expect.poll(async () => (await counted())[3]).toBe(1);
  const [writable, failures, alarms] = await counted();
  expect([writable, alarms]).toEqual([0, 1]);
  expect(failures).toBeGreaterThanOrEqual(1);
  // Another failure is counted, and no second alarm.
  expect(await refusal()).toBe('AUDIT_UNWRITABLE');
  expect((await counted())[1]).toBeGreaterThan(failures ?? 0);
  expect(hook.received).toHaveLength(1);
}

// A whole server from its sources: on a busy machine that alone takes a while.
describe('a server whose audit log can not be written any more', { timeout: 90_000 }, () => {
  it('refuses calls, sends an alarm to the webhook and counts it, and goes on where the log is back', async () => {
    expect(await refusal()).toBe('BAD_ARGUMENT');
    expect(await counted()).toEqual([1, 0, 0, 0]);
    await rename(log, `${log}.away`);
    await mkdir(log, { mode: 0o700 });
    await alarmed();
    await rmdir(log);
    await rename(`${log}.away`, log);
    expect(await refusal()).toBe('BAD_ARGUMENT');
    expect((await counted())[0]).toBe(1);
    await server[Symbol.asyncDispose]();
    expect((await verifyAudit(log)).firstBad).toBeUndefined();
  });

  // Root writes into such a folder all the same.
  it.skipIf(process.getuid?.() === 0)('does so where its file is gone from a folder that is read-only', async () => {
    await rm(log);
    await chmod(dirname(log), 0o500);
    await alarmed();
  });
});
