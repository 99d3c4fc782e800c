import { readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { listProcesses } from '../../kit/proc/processes.js';

/** `podman` processes whose parent is `pid`: without a pause process Podman goes on in a child. */
export async function podmanChildren(pid: number): Promise<readonly number[]> {
  const found: number[] = [];
  for (const child of listProcesses().filter((one) => one.ppid === pid)) {
    if (await isPodman(child.pid)) found.push(child.pid);
  }
  return found;
}

export async function isPodman(pid: number): Promise<boolean> {
  return basename(await readlink(`/proc/${pid}/exe`).catch(() => '')) === 'podman';
}

/** Sends a signal to one process; one that is gone is no error. */
export function signalProcess(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // ESRCH: ended already.
  }
}
