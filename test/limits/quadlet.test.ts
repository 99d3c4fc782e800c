import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { statusOf } from '../e2e/support/contained.js';
import { KeyClient, paddock } from '../e2e/support/http-server.js';
import { engineKinds } from '../engine/support/engines.js';
import { cpuCount, ownCgroup } from './support/own-cgroup.js';
import { Box, quadlets } from './support/quadlet.js';
import { askWithoutKey, lacksManager, mcpSocket, stateOf, systemctl } from './support/user-manager.js';

const generator = '/usr/lib/systemd/user-generators/podman-user-generator';
const patience = { timeout: 90_000, interval: 200 };
const mib = 1024 ** 2;
const heldBytes = 48 * mib;
/** Computes for a second, and holds memory and its threads until it is ended. */
const busy = `exec node -e 'const held = Buffer.alloc(${heldBytes}, 1); while (process.cpuUsage().user < 1e6); console.log(held.length); setInterval(() => {}, 1e6)'`;

/** What is counted of a sandbox, whoever counts it. */
interface Counted {
  readonly memoryBytes: number;
  readonly cpuUs: number;
  readonly pids: number;
}

describe.each(engineKinds.filter((kind) => kind === 'podman'))('the Quadlet unit for the server, on %s', (kind) => {
  let box: Box;
  beforeAll(async () => {
    box = await Box.make(kind);
  }, 240_000);
  afterAll(() => box[Symbol.asyncDispose]());

  /** What the engine was asked for, and what the kernel says of the server's process. */
  async function isConfined(): Promise<void> {
    const { unit, place } = box;
    const shown = (format: string) => box.podman('inspect', '--format', format, unit);
    const config =
      '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.NetworkMode}} {{.EffectiveCaps}} {{.HostConfig.PidsLimit}}';
    expect(shown(config)).toBe('true none [] 512');
    const mounts = shown('{{range .Mounts}}{{.Destination}} {{.RW}}\n{{end}}').split('\n').sort();
    const folders = [`${place.root}/config false`, `${place.root}/run true`, `${place.stateDir} true`];
    expect(mounts).toEqual(['/run/engine.sock true', ...folders].sort());
    const pid = Number(shown('{{.State.Pid}}'));
    const ids = (id = 0) => Array(4).fill(id).join('\t');
    const status = await statusOf(pid);
    expect(status).toMatchObject({ Uid: ids(process.getuid?.()), Gid: ids(process.getgid?.()) });
    expect(status).toMatchObject({ NoNewPrivs: '1', Seccomp: '2' });
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) expect(status[set]).toMatch(/^0+$/);
    const devices = (await readFile(`/proc/${pid}/net/dev`, 'utf8')).trim().split('\n').slice(2);
    expect(devices.map((line) => line.trim().split(':')[0])).toEqual(['lo']);
    expect(await readFile(`/proc/${pid}/limits`, 'utf8')).toMatch(/^Max core file size +0 +0 /m);
  }

  /** The server sees no cgroup of a sandbox: what a Paddock beside it tells of one is the engine's word. */
  async function isToldFromOutside(client: KeyClient, sessionId: string): Promise<void> {
    const started = await client.call('execute_command', { sessionId, command: busy, background: true });
    const { commandId } = started.structured;
    const read = await client.call('get_command', { sessionId, commandId, waitMs: 45_000 });
    expect(read.structured).toMatchObject({ state: 'running', stdout: `${heldBytes}\n` });
    const filter = `label=dev.paddock.session=${sessionId}`;
    const listed = box.podman('ps', '--no-trunc', '--filter', filter, '--format', '{{.ID}} {{.Pid}}');
    const [id = '', pid = ''] = listed.split(' ');
    const cgroup = ownCgroup(id, Number(pid));
    const counted = (): Counted => ({
      memoryBytes: Number(cgroup('memory.current')),
      cpuUs: cpuCount(cgroup('cpu.stat'), 'usage_usec'),
      pids: Number(cgroup('pids.current')),
    });
    const { place } = box;
    const asked = [
      async () => ((await paddock(place, 'stats', sessionId))['sessions'] as { usage: Counted }[])[0]?.usage,
      async () => (await paddock(place, 'inspect', sessionId))['usage'] as Counted,
    ];
    for (const ask of asked) {
      const before = counted();
      expect(before.cpuUs).toBeGreaterThan(1_000_000);
      expect(before.memoryBytes).toBeGreaterThan(heldBytes);
      const said = await ask();
      const after = counted();
      expect(said).toMatchObject({ sources: { memory: 'engine', cpu: 'engine', pids: 'engine' }, pids: before.pids });
      expect(after.pids).toBe(before.pids);
      expect(said?.cpuUs).toBeGreaterThanOrEqual(before.cpuUs);
      expect(said?.cpuUs).toBeLessThanOrEqual(after.cpuUs);
      const [least, most] = [before.memoryBytes, after.memoryBytes].sort((a, b) => a - b) as [number, number];
      expect(said?.memoryBytes).toBeGreaterThan(least - 4 * mib);
      expect(said?.memoryBytes).toBeLessThan(most + 4 * mib);
    }
    await client.call('stop_command', { sessionId, commandId });
  }

  it('is one that the generator takes (systemd)', ({ skip }) => {
    skip(lacksManager(), 'there is no systemd user manager here');
    const env = { PATH: '/usr/bin:/bin', HOME: homedir(), QUADLET_UNIT_DIRS: quadlets };
    const { status, stdout, stderr } = spawnSync(generator, ['--user', '--dryrun'], { encoding: 'utf8', env });
    expect([status, stderr.match(/unsupported|invalid|error/gi)]).toEqual([0, null]);
    expect(stdout).toMatch(new RegExp(`^ExecStart=/usr/bin/podman run .*${box.image} serve --http activation`, 'm'));
  });

  it('starts the server for who connects, confined, with sandboxes, and leaves nothing (systemd)', async ({ skip }) => {
    skip(lacksManager(), 'there is no systemd user manager here');
    const { place, image, socket, service } = box;
    const secret = String((await paddock(place, 'keys', 'create', 'ci'))['secret']);
    expect(systemctl('start', socket)).toMatchObject({ status: 0, stderr: '' });
    expect(await askWithoutKey()).toBe(401);
    await isConfined();
    const client = await new KeyClient(secret).connect({ socketPath: mcpSocket });
    const made = await client.call('create_session', { workspace: 'none', image });
    expect(made).toMatchObject({ isError: false });
    const sessionId = String(made.structured['sessionId']);
    const { structured } = await client.call('get_session', { sessionId });
    const rows = (structured['enforcement'] as { controls: { id: string; kernel: string; status: string }[] }).controls;
    const limits = rows.filter(({ id }) => ['memory', 'pids', 'cpu'].includes(id));
    for (const { kernel } of limits) expect(kernel).toMatch(/^process 1 says: /);
    expect(limits.map(({ status }) => status)).toEqual(['enforced', 'enforced', 'enforced']);
    const ran = await client.call('execute_command', { sessionId, command: 'echo there' });
    expect(ran.structured).toMatchObject({ exitCode: 0, stdout: 'there\n' });
    expect(box.podman('ps', '--quiet').split('\n')).toHaveLength(2);
    await isToldFromOutside(client, sessionId);
    systemctl('stop', '--no-block', socket);
    await expect.poll(() => stateOf(service), patience).toBe('inactive success');
    expect(await place.recordFiles()).toEqual([]);
    expect(box.podman('ps', '--all', '--quiet')).toBe('');
    await client[Symbol.asyncDispose]();
  });

  it('listens on a port, and writes metrics for node_exporter, where drop-ins say so (systemd)', async ({ skip }) => {
    skip(lacksManager(), 'there is no systemd user manager here');
    const { place, socket, service } = box;
    const [port, folder] = [await freePort(), join(place.root, 'metrics')];
    await mkdir(folder);
    const exec = `Exec=serve --http activation --idle-exit 10m --metrics-file ${folder}/paddock.%%p.prom`;
    await box.edit([exec, `Volume=${folder}:${folder}:z`], ['ListenStream=', `ListenStream=127.0.0.1:${port}`]);
    const secret = String((await paddock(place, 'keys', 'create', 'far'))['secret']);
    expect(systemctl('start', socket)).toMatchObject({ status: 0, stderr: '' });
    const client = await new KeyClient(secret).connect(`http://127.0.0.1:${port}/mcp`);
    expect(await client.call('list_sessions')).toMatchObject({ isError: false });
    const written = async () => await readFile(join(folder, 'paddock.1.prom'), 'utf8').catch(() => '');
    await expect.poll(written, patience).toContain('paddock_');
    await client[Symbol.asyncDispose]();
    systemctl('stop', '--no-block', socket);
    await expect.poll(() => stateOf(service), patience).toBe('inactive success');
    expect(await readdir(folder)).toEqual([]);
  });
});

/** On the loopback. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
