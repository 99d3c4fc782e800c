import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { ApiServer } from './api-server.js';

export interface Said {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A real kubectl (scripts/check-kubernetes finds or fetches one), which knows no cluster but this server. */
export async function kubectl(api: ApiServer, folder: string, args: readonly string[]): Promise<Said> {
  const place = ['--server', api.url, '--kubeconfig', '/dev/null', '--cache-dir', join(folder, 'cache')];
  const env = { PATH: process.env['PATH'], HOME: folder };
  return await new Promise((resolve, reject) => {
    execFile('kubectl', [...place, ...args], { env, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') {
        reject(new Error('kubectl did not run to its end', { cause: error }));
      } else resolve({ status: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}
