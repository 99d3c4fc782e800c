import { readProcFile } from '../../kit/proc/read.js';
import { parseStatus } from '../../kit/proc/status.js';
import { pidNamespaceOf } from '../processes.js';

/** What names process 1 of a sandbox on this host. */
export interface SandboxInit {
  readonly initPid: number;
  readonly namespace: string;
}

/**
 * The number on this host of a command's first process, which process 1 knows by `insidePid`: a grandchild of it, beneath
 * the youngest supervisor as a rule, so that two or three small files are read. Undefined when there is none.
 */
export function hostPidOf(
  { initPid, namespace }: SandboxInit,
  insidePid: number,
  procRoot = '/proc',
): number | undefined {
  for (const supervisor of childrenOf(initPid, procRoot).reverse()) {
    const found = childrenOf(supervisor, procRoot).find(
      (pid) => insideNumberOf(pid, procRoot) === insidePid && pidNamespaceOf(pid, procRoot) === namespace,
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Of a process with one thread. */
function childrenOf(pid: number, procRoot: string): number[] {
  const text = readProcFile(`${procRoot}/${pid}/task/${pid}/children`) ?? '';
  return text.split(' ').filter(Boolean).map(Number);
}

function insideNumberOf(pid: number, procRoot: string): number | undefined {
  const status = readProcFile(`${procRoot}/${pid}/status`);
  return status === undefined ? undefined : parseStatus(status).nsPids?.at(-1);
}
