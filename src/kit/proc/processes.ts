import { namesIn, readProcFile } from './read.js';
import { type ProcStat, parseStat } from './stat.js';

/** The identity of a process, undefined when there is none of that number. */
export function readProcess(pid: number, procRoot = '/proc'): ProcStat | undefined {
  const text = readProcFile(`${procRoot}/${pid}/stat`);
  return text === undefined ? undefined : parseStat(text);
}

/** Every process that can be seen, or every thread with `/proc/PID/task` as the root, in no order. Costs one small file each, about 10 ms for a thousand. */
export function listProcesses(procRoot = '/proc'): readonly ProcStat[] {
  const pids = namesIn(procRoot).filter((name) => /^\d{1,10}$/.test(name));
  return pids.map((pid) => readProcess(Number(pid), procRoot)).filter((process) => process !== undefined);
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
