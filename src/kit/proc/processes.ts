import { readdir } from 'node:fs/promises';
import { readProcFile } from './read.js';
import { type ProcStat, parseStat } from './stat.js';

/** The identity of a process, undefined when there is none of that number. */
export async function readProcess(pid: number, procRoot = '/proc'): Promise<ProcStat | undefined> {
  const text = await readProcFile(`${procRoot}/${pid}/stat`);
  return text === undefined ? undefined : parseStat(text);
}

/** Every process that can be seen, in no order. Costs one small file each. */
export async function listProcesses(procRoot = '/proc'): Promise<readonly ProcStat[]> {
  const names = await readdir(procRoot).catch(() => []);
  const pids = names.filter((name) => /^\d{1,10}$/.test(name)).map(Number);
  const all = await inBatches(pids, (pid) => readProcess(pid, procRoot));
  return all.filter((process) => process !== undefined);
}

/** Every open file counts against our own limit, and a host may run thousands of processes. */
async function inBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += 64) {
    results.push(...(await Promise.all(items.slice(at, at + 64).map(work))));
  }
  return results;
}

/** `roots` and everything of `all` below them by parent, each once. Pure. */
export function withDescendants(all: readonly ProcStat[], roots: readonly ProcStat[]): readonly ProcStat[] {
  const children = new Map<number, ProcStat[]>();
  for (const process of all) {
    const siblings = children.get(process.ppid);
    if (siblings) siblings.push(process);
    else children.set(process.ppid, [process]);
  }
  const found = new Map<number, ProcStat>();
  const queue = [...roots];
  for (let next = queue.pop(); next; next = queue.pop()) {
    if (found.has(next.pid)) continue;
    found.set(next.pid, next);
    queue.push(...(children.get(next.pid) ?? []));
  }
  return [...found.values()];
}
