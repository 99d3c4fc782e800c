import { statSync } from 'node:fs';
import { readProcFile } from '../kit/proc/read.js';

/** What a copy has in common with process 1, and who began it. */
interface Origin {
  /** Where its code, data, heap, stack, arguments and environment are. Zeros where the kernel does not tell. */
  readonly places: string;
  readonly ppid: number;
  readonly isCopy: boolean;
}

/** PF_FORKNOEXEC: has not run a program of its own since it was forked. */
const neverRan = 0x40;

/**
 * Tells process 1 of a sandbox, the supervisors of commands and what waits for the next one from what they run. They are copies of
 * process 1: none has run a program since it was forked, and all that the kernel tells of their memory is as process 1 has it, much
 * of it by chance, which nobody inside can look up. A supervisor is a child of process 1, and what waits is a child of a supervisor.
 * Whoever runs the same program, however it came to that, is none of these. They let nobody look into them.
 */
export function ownProcessesOf(initPid: number, procRoot = '/proc'): (process: { readonly pid: number }) => boolean {
  const own = originOf(initPid, procRoot);
  const program = programOf(initPid, procRoot);
  const copyOf = (pid: number): Origin | undefined => {
    const origin = originOf(pid, procRoot);
    if (own === undefined || program === undefined) return undefined;
    if (origin?.isCopy !== true || origin.places !== own.places) return undefined;
    // Asked last: another's program may lie where an answer takes for ever.
    return programOf(pid, procRoot) === program ? origin : undefined;
  };
  return ({ pid }) => {
    if (pid === initPid) return true;
    const above = copyOf(pid)?.ppid;
    if (above === undefined || above === initPid) return above === initPid;
    return copyOf(above)?.ppid === initPid;
  };
}

function originOf(pid: number, procRoot: string): Origin | undefined {
  const stat = readProcFile(`${procRoot}/${pid}/stat`);
  if (stat === undefined) return undefined;
  // proc_pid_stat(5) counts from 1; the first after the name is 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [ppid, flags] = [Number(fields[4 - 3]), Number(fields[9 - 3])];
  const places = [...fields.slice(26 - 3, 28 - 3 + 1), ...fields.slice(45 - 3, 51 - 3 + 1)].join(' ');
  return { places, ppid, isCopy: (flags & neverRan) !== 0 };
}

/** Which file it is: what it is called could be another's name as well. */
function programOf(pid: number, procRoot: string): string | undefined {
  try {
    const { dev, ino } = statSync(`${procRoot}/${pid}/exe`, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}
