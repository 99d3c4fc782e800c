import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { isServedByOwnPodman } from '../../src/engine/discover/own-podman.js';
import { sweepServiceFolders } from '../../src/engine/service/folder.js';
import { findPodman, PodmanService } from '../../src/engine/service/podman-service.js';
import { Transport } from '../../src/engine/transport/transport.js';
import { isAlive, readProcessIdentity } from '../../src/kit/process-identity.js';

const uid = process.getuid?.() ?? 0;
const runtime = process.env['XDG_RUNTIME_DIR'] ?? `/run/user/${uid}`;

async function start(): Promise<PodmanService> {
  const podmanPath = await findPodman(process.env);
  if (podmanPath === undefined) throw new Error('podman is not installed');
  return await PodmanService.start({ podmanPath, env: process.env, uid });
}

async function pings(socketPath: string): Promise<boolean> {
  await using transport = new Transport({ socketPath });
  return await transport.call({ method: 'GET', path: '/_ping', timeoutMs: 5_000 }).then(
    (reply) => reply.status === 200,
    () => false,
  );
}

async function startElsewhere(): Promise<{ child: ChildProcess; pid: number; socketPath: string }> {
  const script = join(import.meta.dirname, 'support', 'start-service.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { child, ...(JSON.parse(line) as { pid: number; socketPath: string }) };
}

describe('a Podman service of our own', () => {
  it('listens in a private folder, with our settings only, is ours by proof, and is gone with its folder when disposed', async () => {
    const service = await start();
    const folder = dirname(service.socketPath);
    try {
      expect(statSync(folder).mode & 0o777).toBe(0o700);
      expect(await pings(service.socketPath)).toBe(true);
      expect(await isServedByOwnPodman(service.socketPath, uid)).toBe(true);
      const environment = readFileSync(`/proc/${service.pid}/environ`, 'utf8').split('\0');
      const allowed =
        /^(HOME|PATH|USER|LANG|XDG_\w+|DBUS_SESSION_BUS_ADDRESS|TMPDIR|CONTAINERS_\w+|_\w+|TERM|LISTEN_\w+)=|^$/;
      expect(environment.filter((entry) => !allowed.test(entry))).toEqual([]);
    } finally {
      await service[Symbol.asyncDispose]();
    }
    expect(service.isRunning).toBe(false);
    expect(existsSync(folder)).toBe(false);
    expect(await readProcessIdentity(service.pid)).toBeUndefined();
  });

  it('outlives its idle time while its starter lives', async () => {
    await using service = await start();
    await sleep(16_000);
    expect(service.isRunning).toBe(true);
    expect(await pings(service.socketPath)).toBe(true);
  });

  it('ends by itself when its starter is killed, and the next one removes what is left, but nothing of the living', async () => {
    const { child, pid, socketPath } = await startElsewhere();
    await using living = await start();
    const mark = await readProcessIdentity(pid);
    if (!mark) throw new Error('the service was not there');
    expect(await sweepServiceFolders(runtime)).toEqual([]);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await expect.poll(() => isAlive(mark), { timeout: 12_000, interval: 200 }).toBe(false);
    expect(existsSync(dirname(socketPath))).toBe(true);
    expect(await sweepServiceFolders(runtime)).toEqual([dirname(socketPath)]);
    expect(existsSync(dirname(socketPath))).toBe(false);
    expect(await pings(living.socketPath)).toBe(true);
  });

  it('is ended by whoever sweeps, if its starter is gone and it is not', async () => {
    const { child, pid, socketPath } = await startElsewhere();
    const mark = await readProcessIdentity(pid);
    if (!mark) throw new Error('the service was not there');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await sweepServiceFolders(runtime)).toContain(dirname(socketPath));
    await expect.poll(() => isAlive(mark), { timeout: 4_000, interval: 100 }).toBe(false);
  });
});
