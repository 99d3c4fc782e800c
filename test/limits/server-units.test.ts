import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeyClient, paddock } from '../e2e/support/http-server.js';
import { containersOf } from '../e2e/support/left-overs.js';
import { mainScript, Place } from '../e2e/support/place.js';
import { engineKinds, uniqueName } from '../engine/support/engines.js';
import { askWithoutKey, lacksManager, mcpSocket, property, stateOf, systemctl } from './support/user-manager.js';

const patience = { timeout: 90_000, interval: 200 };

describe.each(engineKinds)('the units for a server of a systemd user manager, on %s', (kind) => {
  const unit = uniqueName('paddock-serve');
  const [service, socket] = [`${unit}.service`, `${unit}.socket`];
  let place: Place;
  let secret: string;

  beforeAll(async () => {
    place = await Place.make(kind);
    secret = String((await paddock(place, 'keys', 'create', 'ci', '--provider', 'anthropic'))['secret']);
    if (!lacksManager()) await link();
  });
  afterAll(async () => {
    systemctl('stop', socket, service);
    systemctl('disable', '--runtime', socket, service);
    systemctl('reset-failed', service);
    await place[Symbol.asyncDispose]();
  });

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
    const env = Object.entries({ ...place.env, PATH: `${bin}:/usr/bin:/bin` });
    const lines = env.map(([name, value]) => `Environment="${name}=${value}"`);
    const providers = join(place.root, 'providers');
    await writeFile(providers, 'ANTHROPIC_API_KEY=key-of-a-test\n', { mode: 0o600 });
    lines.push(`LoadCredential=providers:${providers}`, 'Environment=PADDOCK_KEY_FILE=%d/providers');
    await appendFile(join(units, service), `${lines.join('\n')}\n`);
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
