import { readLinkOrNothing, readProcFile } from '../kit/proc/read.js';

/**
 * Tells process 1 of a sandbox, the supervisors of commands and what waits for the next one from what they run. They are copies of
 * process 1, with the stack where that has it; whoever only runs the same program has it elsewhere, by chance, and can't look it up.
 * They let nobody look into them. Where the kernel does not tell where a stack is, the children of process 1 are taken for ours.
 */
export function ownProcessesOf(initPid: number): (process: { readonly pid: number; readonly ppid: number }) => boolean {
  const own = originOf(initPid);
  return ({ pid, ppid }) => {
    if (pid === initPid) return true;
    if (own === undefined || (own.stack === '0' && ppid !== initPid)) return false;
    const origin = originOf(pid);
    return origin?.program === own.program && origin.stack === own.stack;
  };
}

function originOf(pid: number): { readonly program: string; readonly stack: string } | undefined {
  const program = readLinkOrNothing(`/proc/${pid}/exe`);
  const stat = readProcFile(`/proc/${pid}/stat`);
  if (program === undefined || stat === undefined) return undefined;
  // Field 28, startstack; the first after the name is 3.
  const stack = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[25] ?? '0';
  return { program, stack };
}
