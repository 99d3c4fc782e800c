import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type OpenEngineOptions, openEngine } from '../../src/engine/open.js';
import { findPodman, PodmanService, trustedFolders } from '../../src/engine/service/podman-service.js';
import { FakeEngine, json, podmanPing, rootlessDocker } from './support/fake-engine.js';

const version = json(200, { Version: '20.10.24', Components: [{ Name: 'runc', Version: '1.1.5+ds1' }] });

describe('finding the engine', () => {
  let runtime: string;
  let fake: FakeEngine;

  beforeEach(async () => {
    runtime = await mkdtemp(join(tmpdir(), 'paddock-run-'));
    fake = await FakeEngine.start();
    fake.script = (socket, request) => socket.write(request.includes('/version') ? version : rootlessDocker);
  });
  afterEach(async () => {
    await fake[Symbol.asyncDispose]();
    await rm(runtime, { recursive: true, force: true });
  });

  const open = (env: Record<string, string> = {}, changes: Partial<OpenEngineOptions> = {}) =>
    openEngine({
      env: { XDG_RUNTIME_DIR: runtime, ...env },
      uid: process.getuid?.() ?? 0,
      policy: { rootfulAllowed: false, tcpAllowed: false },
      startAllowed: false,
      ...changes,
    });

  it('takes the setting before CONTAINER_HOST before DOCKER_HOST before the usual sockets', async () => {
    await symlink(fake.socketPath, join(runtime, 'docker.sock'));
    const unix = `unix://${fake.socketPath}`;
    const origins: string[] = [];
    for (const [env, endpoint] of [
      [{ CONTAINER_HOST: unix, DOCKER_HOST: 'x' }, fake.socketPath],
      [{ CONTAINER_HOST: unix, DOCKER_HOST: 'x' }, undefined],
      [{ DOCKER_HOST: unix }, undefined],
      [{}, undefined],
    ] as const) {
      await using engine = await open(env, { endpoint });
      origins.push(engine.identity.origin);
      expect(engine.identity).toMatchObject({ kind: 'docker', version: '20.10.24', startedByUs: false });
    }
    expect(origins).toEqual(['engine setting', 'CONTAINER_HOST', 'DOCKER_HOST', 'docker.sock']);
  });

  it('knows Podman behind docker.sock by its headers', async () => {
    await symlink(fake.socketPath, join(runtime, 'docker.sock'));
    fake.ping = podmanPing;
    const security = { rootless: true, seccompEnabled: true, apparmorEnabled: false, selinuxEnabled: false };
    const host = { cgroupManager: 'systemd', cgroupVersion: 'v2', ociRuntime: { name: 'crun' }, security };
    fake.script = (socket) => {
      socket.write(json(200, { host, store: { graphDriverName: 'overlay' }, version: { Version: '4.3.1' } }));
    };
    await using engine = await open();
    expect(engine.identity).toMatchObject({ kind: 'podman', version: '4.3.1', origin: 'docker.sock' });
  });

  it('refuses an engine that runs as root before it has sent anything but questions', async () => {
    const rootful = json(200, { Driver: 'overlay2', SecurityOptions: ['name=seccomp,profile=default'] });
    fake.script = (socket, request) => socket.write(request.includes('/version') ? version : rootful);
    await expect(open({ DOCKER_HOST: fake.socketPath })).rejects.toMatchObject({ code: 'ENGINE_ROOTFUL' });
    await symlink(fake.socketPath, join(runtime, 'docker.sock'));
    await expect(open()).rejects.toMatchObject({ code: 'ENGINE_ROOTFUL' });
    expect(fake.requests.every((request) => request.startsWith('GET '))).toBe(true);
    await using engine = await open({}, { policy: { rootfulAllowed: true, tcpAllowed: false } });
    expect(engine.identity.kind).toBe('docker');
  });

  it.each([
    'tcp://127.0.0.1:2375',
    'ssh://user@host/run/podman/podman.sock',
    'npipe:////./pipe/docker_engine',
    'https://127.0.0.1:2376',
    'relative.sock',
    'unix://relative.sock',
    '/tmp/a\nb.sock',
    `/tmp/${'x'.repeat(120)}`,
  ])('refuses %j, also when usable sockets are there', async (endpoint) => {
    await symlink(fake.socketPath, join(runtime, 'docker.sock'));
    await expect(open({ DOCKER_HOST: endpoint })).rejects.toMatchObject({
      code: 'ENGINE_ENDPOINT_REFUSED',
      info: { origin: 'DOCKER_HOST' },
    });
  });

  it('does not pass over an endpoint that someone named and that does not work', async () => {
    await symlink(fake.socketPath, join(runtime, 'docker.sock'));
    const failure = open({ CONTAINER_HOST: `unix://${runtime}/gone.sock` });
    await expect(failure).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE', info: { origin: 'CONTAINER_HOST' } });
  });

  it('lists everything that was tried when nothing is usable', async () => {
    await mkdir(join(runtime, 'podman'));
    await writeFile(join(runtime, 'podman', 'podman.sock'), '');
    const failure = open({ PATH: '/nonexistent' }, { startAllowed: true, uid: 4242 });
    await expect(failure).rejects.toMatchObject({ code: 'NO_ENGINE' });
    await expect(failure).rejects.toThrow(
      /podman\.sock: not a socket; .*docker\.sock: no socket there; .*PATH leads to no podman/,
    );
    await expect(failure).rejects.toMatchObject({ hint: expect.stringContaining('podman.socket') as unknown });
  });

  it('passes over a stale socket and an engine that is none', async () => {
    await mkdir(join(runtime, 'podman'));
    await using other = await FakeEngine.start();
    other.ping = 'HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 2\r\n\r\nOK';
    await symlink(other.socketPath, join(runtime, 'podman', 'podman.sock'));
    await expect(open()).rejects.toThrow(/neither Podman nor Docker/);
    await symlink(fake.socketPath, join(runtime, 'docker.sock'));
    await using engine = await open();
    expect(engine.identity.origin).toBe('docker.sock');
  });

  it('says what a Podman that can not start had to say, and leaves no folder', async () => {
    const podman = join(runtime, 'podman');
    await writeFile(podman, '#!/bin/sh\nenv >"$XDG_RUNTIME_DIR/env"\necho "no subuid ranges" >&2\nexit 125\n');
    await chmod(podman, 0o755);
    const env = { PATH: `relative:${runtime}:/usr/bin:/bin`, XDG_RUNTIME_DIR: runtime };
    const uid = process.getuid?.() ?? 0;
    const secrets = { AWS_SECRET_ACCESS_KEY: 'leak', PODMAN_USERNS: 'host' };
    const failure = PodmanService.start({ podmanPath: podman, env: { ...env, ...secrets }, uid });
    await expect(failure).rejects.toThrow(/no subuid ranges/);
    await expect(failure).rejects.toMatchObject({ code: 'NO_ENGINE' });
    const { readdir, readFile } = await import('node:fs/promises');
    expect(await readdir(join(runtime, 'paddock'))).toEqual([]);
    const given = await readFile(join(runtime, 'env'), 'utf8');
    expect(given).not.toMatch(/leak|PODMAN_USERNS/);
  });

  it('does not run a podman from a folder that others than root can write', async () => {
    const folder = join(runtime, 'bin');
    await mkdir(folder);
    await chmod(folder, 0o777);
    await writeFile(join(folder, 'podman'), '#!/bin/sh\n', { mode: 0o755 });
    expect(await findPodman({ PATH: folder })).toBeUndefined();
    expect(await trustedFolders({ PATH: `${folder}:relative:/usr/bin` })).toEqual(['/usr/bin']);
  });
});
