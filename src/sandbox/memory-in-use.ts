import { readProcFile } from '../kit/proc/read.js';
import { ownCgroup } from '../monitor/own-cgroup.js';
import type { SandboxHandle } from './handle.js';

/** What the kernel can't take back by itself: no swap, so neither anonymous pages nor those of tmpfs; and its own structures. */
const held = ['anon', 'shmem', 'kernel_stack', 'pagetables', 'slab_unreclaimable', 'sock'];

/** Bytes that a sandbox holds now and that only its end, or that of what holds them, gives back. Undefined where nobody counts. */
export function memoryInUse({
  initPid,
  containerId,
}: Pick<SandboxHandle, 'initPid' | 'containerId'>): number | undefined {
  const cgroup = ownCgroup(initPid, containerId);
  const text = cgroup === undefined ? undefined : readProcFile(`${cgroup}/memory.stat`);
  return text === undefined ? undefined : heldBytes(text);
}

/** The pure half: the text of `memory.stat`. */
export function heldBytes(text: string): number {
  const values = [...text.matchAll(/^(\w+) (\d+)$/gm)].map(([, name = '', bytes]) => [name, Number(bytes)] as const);
  return values.filter(([name]) => held.includes(name)).reduce((sum, [, bytes]) => sum + bytes, 0);
}
