import { readLinkOrNothing, readProcFile } from '../kit/proc/read.js';

/**
 * Tells process 1 of a sandbox and the supervisors of commands, its children, from what they run. A supervisor is a copy of process 1,
 * with its stack where that has it; whoever only runs the same program has it elsewhere, by chance, and can't look it up.
 */
export function ownProcessesOf(initPid: number): (process: { readonly pid: number; readonly ppid: number }) => boolean {
  const own = originOf(initPid);
  return ({ pid, ppid }) => pid === initPid || (ppid === initPid && own !== undefined && originOf(pid) === own);
}

function originOf(pid: number): string | undefined {
  const program = readLinkOrNothing(`/proc/${pid}/exe`);
  const stat = readProcFile(`/proc/${pid}/stat`);
  if (program === undefined || stat === undefined) return undefined;
  // Field 28, startstack; the first after the name is 3.
  const stack = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[25];
  return `${stack} ${program}`;
}
