import { type ChildProcess, spawn } from 'node:child_process';
import { request } from 'node:http';
import { expect } from 'vitest';

/** A Podman service of a test's own, over the storage that the other tests use: to be killed. */
export async function startService(socketPath: string): Promise<ChildProcess> {
  const child = spawn('podman', ['system', 'service', '--time=0', `unix://${socketPath}`], { stdio: 'ignore' });
  await expect.poll(() => answers(socketPath), { timeout: 10_000 }).toBe(true);
  return child;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const call = request({ socketPath: path, path: '/_ping' }, (reply) => resolve(reply.statusCode === 200));
    call.on('error', () => resolve(false)).end();
  });
}
