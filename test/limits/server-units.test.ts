import { appendFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeyClient, paddock } from '../e2e/support/http-server.js';
import { containersOf } from '../e2e/support/left-overs.js';
import { paddock as cli } from '../e2e/support/paddock.js';
import { mainScript, Place } from '../e2e/support/place.js';
import { engineKinds, uniqueName } from '../engine/support/engines.js';
import {
  askWithoutKey,
  lacksManager,
  mcpSocket,
  property,
  stateOf,
  systemctl,
  userRuntime,
} from './support/user-manager.js';

const patience = { timeout: 90_000, interval: 200 };

describe.each(engineKinds)('the units for a server of a systemd user manager, on %s', (kind) => {
  const unit = uniqueName('paddock-serve');
  const [service, socket] = [`${unit}.service`, `${unit}.socket`];
  // Where `systemctl --user edit --runtime` puts what it is told.
  const dropIn = join(userRuntime, 'systemd/user', `${service}.d`);
  let place: Place;
  let secret: string;

  beforeAll(async () => {
    place = await Place.make(kind);
    const options = ['--provider', 'anthropic', '--root', place.project];
    secret = String((await paddock(place, 'keys', 'create', 'ci', ...options))['secret']);
    await encrypt();
    if (!lacksManager()) await link();
  });
  afterAll(async () => {
    systemctl('stop', socket, service);
    systemctl('disable', '--runtime', socket, service);
    await rm(dropIn, { recursive: true, force: true });
    systemctl('daemon-reload');
    systemctl('reset-failed', service);
    await place[Symbol.asyncDispose]();
  });

  const settings = () => ({ XDG_CONFIG_HOME: join(place.root, 'config') });
  const kept = () => join(place.root, 'kept.key');

  /** What is kept is encrypted under a key that is a credential of the service. */
  async function encrypt(): Promise<void> {
    await mkdir(join(place.root, 'config/paddock'), { recursive: true });
    const lines = '[encryption]\nkept = true\ncredential = "paddock-kept"\n';
    await writeFile(join(place.root, 'config/paddock/config.toml'), lines, { mode: 0o600 });
    expect((await cli(place, ['encryption', 'keygen', kept()])).status).toBe(0);
  }

  /** The units as they are shipped, under a name of their own, with `paddock` and its folders where this test has them. */
  async function link(): Promise<void> {
    const [units, bin] = [join(place.root, 'units'), join(place.root, 'bin')];
    await mkdir(bin);
    await mkdir(units);
    await writeFile(join(bin, 'paddock'), `#!/bin/sh\nexec ${process.execPath} ${mainScript} "$@"\n`, { mode: 0o755 });
    for (const name of [service, socket]) {
      const shipped = await readFile(`systemd/${name.replace(unit, 'paddock')}`, 'utf8');
      const ours = shipped.replaceAll('paddock.socket', socket).replace('--idle-exit 10m', '--idle-exit 2s');
      await writeFile(join(units, name), ours);
    }
    const env = Object.entries({ ...place.env, ...settings(), PATH: `${bin}:/usr/bin:/bin` });
    const lines = env.map(([name, value]) => `Environment="${name}=${value}"`);
    const providers = join(place.root, 'providers');
    await writeFile(providers, 'ANTHROPIC_API_KEY=key-of-a-test\n', { mode: 0o600 });
    lines.push(`LoadCredential=providers:${providers}`, 'Environment=PADDOCK_KEY_FILE=%d/providers');
    await appendFile(join(units, service), `${lines.join('\n')}\n`);
    await mkdir(dropIn, { recursive: true });
    await writeFile(join(dropIn, 'kept.conf'), `[Service]\nLoadCredential=paddock-kept:${kept()}\n`);
    const { status, stderr } = systemctl('link', '--runtime', join(units, service), join(units, socket));
    expect([status, stderr]).toEqual([0, expect.any(String)]);
    expect(systemctl('start', socket)).toMatchObject({ status: 0, stderr: '' });
  }

  const state = () => stateOf(service);

  /** A session in which a command ran, and which has a provider whose key is a credential of the unit. */
  async function session(): Promise<{ readonly client: KeyClient; readonly sessionId: string }> {
    const client = await new KeyClient(secret).connect({ socketPath: mcpSocket });
    const made = await client.call('create_session', { workspace: 'none', providers: ['anthropic'] });
    expect(made).toMatchObject({ isError: false });
    const sessionId = String(made.structured['sessionId']);
    const ran = await client.call('execute_command', { sessionId, command: 'echo there' });
    expect(ran.structured).toMatchObject({ exitCode: 0, stdout: 'there\n' });
    return { client, sessionId };
  }

  async function nothingIsLeft(): Promise<void> {
    await expect.poll(() => place.recordFiles(), patience).toEqual([]);
    expect(await containersOf(place, kind)).toEqual([]);
  }

  it('start it for who connects, and again after it ended because nobody did (systemd)', async ({ skip }) => {
    skip(lacksManager(), 'there is no systemd user manager here');
    for (let time = 0; time < 2; time += 1) {
      expect(state()).toBe('inactive success');
      expect(await askWithoutKey()).toBe(401);
      expect(state()).toBe('active success');
      await expect.poll(state, patience).toBe('inactive success');
    }
    expect(property(service, 'NRestarts')).toBe('0');
  });

  it('start it anew when it was killed, after what it left was removed (systemd)', async ({ skip }) => {
    skip(lacksManager(), 'there is no systemd user manager here');
    const { client, sessionId } = await session();
    expect((await place.recordFiles()).join(' ')).toContain(sessionId);
    process.kill(Number(property(service, 'MainPID')), 'SIGKILL');
    await expect.poll(() => `${state()} ${property(service, 'NRestarts')}`, patience).toBe('active success 1');
    await nothingIsLeft();
    expect(await readFile(place.auditLog, 'utf8')).toContain('session.prune');
    await client[Symbol.asyncDispose]();
  });

  it('encrypt what sessions leave under a key that only the service has, as a credential (systemd)', async ({
    skip,
  }) => {
    skip(lacksManager(), 'there is no systemd user manager here');
    const canary = 'canary-51c0';
    const cow = { projectPath: place.project, workspace: 'cow' };
    const client = await new KeyClient(secret).connect({ socketPath: mcpSocket });
    const made = await client.call('create_session', cow);
    expect(made).toMatchObject({ isError: false });
    const sessionId = String(made.structured['sessionId']);
    await client.call('execute_command', { sessionId, command: `echo x >${canary}` });
    await client.call('destroy_session', { sessionId });
    expect((await readdir(join(place.stateDir, 'layers', sessionId))).sort()).toEqual([
      ...['layer.json', 'notes.age', 'upper.age'],
    ]);
    expect((await client.call('review_changes', { sessionId })).text).toContain(canary);
    const environment = await readFile(`/proc/${property(service, 'MainPID')}/environ`, 'utf8');
    expect(environment).toContain('CREDENTIALS_DIRECTORY=');
    expect(environment).not.toMatch(/AGE-SECRET-KEY/i);

    // A shell of the same user, and the service itself once it is not given it any more.
    const shell = await cli(place, ['changes', sessionId], { env: settings() });
    expect([shell.status, shell.stderr]).toEqual([5, expect.stringContaining('ENCRYPTION_KEY_UNUSABLE')]);
    await rm(join(dropIn, 'kept.conf'));
    expect(systemctl('daemon-reload').status).toBe(0);
    expect(systemctl('restart', service)).toMatchObject({ status: 0, stderr: '' });
    const without = await new KeyClient(secret).connect({ socketPath: mcpSocket });
    expect((await without.call('review_changes', { sessionId })).code).toBe('ENCRYPTION_KEY_UNUSABLE');
    expect((await without.call('create_session', cow)).code).toBe('ENCRYPTION_KEY_UNUSABLE');
    const discarded = await cli(place, ['discard', sessionId], { env: settings() });
    expect([discarded.status, discarded.stderr]).toEqual([0, expect.any(String)]);
    for (const one of [client, without]) await one[Symbol.asyncDispose]();
  });

  it('let a command come to its end when they are stopped, and leave nothing (systemd)', async ({ skip }) => {
    skip(lacksManager(), 'there is no systemd user manager here');
    const { client, sessionId } = await session();
    const command = 'echo begun > /tmp/begun; sleep 1; echo done';
    const last = client.call('execute_command', { sessionId, command });
    const listed = async () => (await client.call('list_files', { sessionId, path: '/tmp' })).text;
    await expect.poll(listed, patience).toContain('begun');
    // With the socket, which would start it again for the client that looks for its stream.
    systemctl('stop', '--no-block', socket);
    expect((await last).structured).toMatchObject({ exitCode: 0, stdout: 'done\n' });
    await expect.poll(state, patience).toBe('inactive success');
    await nothingIsLeft();
    await client[Symbol.asyncDispose]();
  });
});
