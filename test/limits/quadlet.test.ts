import { spawnSync } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeyClient, paddock } from '../e2e/support/http-server.js';
import { Place } from '../e2e/support/place.js';
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

const generator = '/usr/lib/systemd/user-generators/podman-user-generator';
const patience = { timeout: 90_000, interval: 200 };

describe.each(engineKinds.filter((kind) => kind === 'podman'))('the Quadlet unit for the server, on %s', (kind) => {
  const unit = uniqueName('paddock-box');
  const [service, socket, image] = [`${unit}.service`, `${unit}.socket`, `localhost/${unit}:1`];
  const quadlets = join(homedir(), '.config/containers/systemd');
  let place: Place;
  let wasListening = true;

  beforeAll(async () => {
    place = await Place.make(kind);
    if (lacksManager()) return;
    wasListening = property('podman.socket', 'ActiveState') === 'active';
    await settle();
    makeImage();
  }, 240_000);
  afterAll(async () => {
    systemctl('stop', socket, service);
    await rm(join(quadlets, `${unit}.container`), { force: true });
    systemctl('disable', '--runtime', socket);
    systemctl('daemon-reload');
    if (!lacksManager()) podman('rmi', '--force', image);
    if (!wasListening) systemctl('stop', 'podman.socket', 'podman.service');
    await place[Symbol.asyncDispose]();
  });

  /** What the manager's user runs: its own storage, as the units have it, and not what this test was given. */
  function podman(...args: readonly string[]): string {
    const env = { PATH: '/usr/bin:/bin', HOME: homedir(), XDG_RUNTIME_DIR: userRuntime };
    const { status, stdout, stderr } = spawnSync('podman', args, { encoding: 'utf8', env });
    expect([args, status, stderr]).toEqual([args, 0, expect.any(String)]);
    return stdout.trim();
  }

  /** The units as they are shipped, under names of their own, with the folders of this test. */
  async function settle(): Promise<void> {
    const ours = async (name: string) => {
      const shipped = await readFile(`systemd/${name}`, 'utf8');
      return shipped
        .replaceAll('paddock.socket', socket)
        .replaceAll('%h/.local/state/paddock-server', place.stateDir)
        .replaceAll('%t/paddock-server', join(place.root, 'run'))
        .replaceAll('%h/.config/paddock-server', join(place.root, 'config'))
        .replace('ContainerName=paddock-server', `ContainerName=${unit}`)
        .replace(/^Image=.*$/m, `Image=${image}`);
    };
    await mkdir(join(place.root, 'config/paddock'), { recursive: true });
    const settings = '[policy]\ninit_report = true\nimages = ["localhost/*"]\n';
    await writeFile(join(place.root, 'config/paddock/config.toml'), settings, { mode: 0o600 });
    await mkdir(quadlets, { recursive: true });
    await writeFile(join(quadlets, `${unit}.container`), await ours('quadlet/paddock.container'));
    await writeFile(join(place.root, socket), await ours('paddock.socket'));
    expect(systemctl('link', '--runtime', join(place.root, socket)).status).toBe(0);
    expect(systemctl('daemon-reload').status).toBe(0);
  }

  /** What `paddock image build --target server` makes, without the build. */
  function makeImage(): void {
    const tar = join(place.root, 'image.tar');
    const opt = ['--transform', 's,^,opt/paddock/,', 'dist', 'profiles', 'package.json'];
    for (const [command, ...args] of [
      ['scripts/server-base', tar],
      ['tar', '--append', '--owner=0', '--group=0', '-f', tar, ...opt],
    ] as const) {
      expect(spawnSync(command, args, { encoding: 'utf8' })).toMatchObject({ status: 0 });
    }
    const entry = 'ENTRYPOINT ["node","/opt/paddock/dist/cli/main.js"]';
    podman('import', '--quiet', '--change', entry, '--change', 'ENV PATH=/usr/bin:/bin', tar, image);
  }

  it('is one that the generator takes (systemd)', ({ skip }) => {
    skip(lacksManager(), 'there is no systemd user manager here');
    const env = { PATH: '/usr/bin:/bin', HOME: homedir(), QUADLET_UNIT_DIRS: quadlets };
    const { status, stdout, stderr } = spawnSync(generator, ['--user', '--dryrun'], { encoding: 'utf8', env });
    expect([status, stderr.match(/unsupported|invalid|error/gi)]).toEqual([0, null]);
    expect(stdout).toMatch(new RegExp(`^ExecStart=/usr/bin/podman run .*${image} serve --http activation`, 'm'));
  });

  it('starts the server for who connects, confined, with sandboxes, and leaves nothing (systemd)', async ({ skip }) => {
    skip(lacksManager(), 'there is no systemd user manager here');
    const secret = String((await paddock(place, 'keys', 'create', 'ci'))['secret']);
    expect(systemctl('start', socket)).toMatchObject({ status: 0, stderr: '' });
    expect(await askWithoutKey()).toBe(401);
    const format = '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.NetworkMode}} {{.EffectiveCaps}} {{.Config.User}}';
    expect(podman('inspect', '--format', format, unit)).toBe(
      `true none [] ${process.getuid?.()}:${process.getgid?.()}`,
    );
    const client = await new KeyClient(secret).connect({ socketPath: mcpSocket });
    const made = await client.call('create_session', { workspace: 'none', image });
    expect(made).toMatchObject({ isError: false });
    const { sessionId } = made.structured;
    const { structured } = await client.call('get_session', { sessionId });
    const rows = (structured['enforcement'] as { controls: { id: string; kernel: string; status: string }[] }).controls;
    const limits = rows.filter(({ id }) => ['memory', 'pids', 'cpu'].includes(id));
    for (const { kernel } of limits) expect(kernel).toMatch(/^process 1 says: /);
    expect(limits.map(({ status }) => status)).toEqual(['enforced', 'enforced', 'enforced']);
    const ran = await client.call('execute_command', { sessionId, command: 'echo there' });
    expect(ran.structured).toMatchObject({ exitCode: 0, stdout: 'there\n' });
    expect(podman('ps', '--quiet').split('\n')).toHaveLength(2);
    systemctl('stop', '--no-block', socket);
    await expect.poll(() => stateOf(service), patience).toBe('inactive success');
    expect(await place.recordFiles()).toEqual([]);
    expect(podman('ps', '--all', '--quiet')).toBe('');
    await client[Symbol.asyncDispose]();
  });
});
