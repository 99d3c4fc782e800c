import { statSync } from 'node:fs';
import { basename } from 'node:path';
import type { Clock } from '../kit/clock.js';
import { parseCmdline } from '../kit/proc/cmdline.js';
import { listProcesses, readProcess, withDescendants } from '../kit/proc/processes.js';
import { readProcFile } from '../kit/proc/read.js';
import type { ProcStat } from '../kit/proc/stat.js';
import { pidNamespaceOf } from '../sandbox/processes.js';

const pollMs = 50;
const patienceMs = 3000;

/**
 * Ends what a Podman service that was killed between making and starting a container has lost: conmon and the first
 * process of the OCI runtime, parked for ever, of a container that the engine no longer knows. Our process 1 has not
 * started then, so no deadline ends them. Only a conmon of the caller's is meant whose `-n` is exactly the name that the
 * session's own record holds (60 random bits), and only while the engine knows no container of that name: a record can be forged to
 * name somebody else's. Returns how many processes were ended.
 */
export async function endLostMonitor(
  containerName: string,
  uid: number,
  clock: Clock,
  isKnown: () => Promise<boolean>,
): Promise<number> {
  const all = listProcesses();
  // A monitor runs where we run; what a process inside a sandbox shows as its arguments is not even read.
  const namespace = pidNamespaceOf(process.pid);
  const beside = all.filter(({ pid }) => namespace !== undefined && pidNamespaceOf(pid) === namespace);
  const monitors = beside.filter((one) => isMonitorOf(one, containerName, uid));
  if (monitors.length === 0 || (await isKnown())) return 0;
  const tree = withDescendants(all, monitors);
  for (const one of tree) if (!monitors.includes(one)) kill(one);
  // A conmon whose container has ended cleans up after it and goes by itself.
  const until = clock.monotonic() + patienceMs;
  while (clock.monotonic() < until && monitors.some(isSame)) await clock.sleep(pollMs);
  for (const one of monitors) kill(one);
  return tree.length;
}

function isMonitorOf({ pid }: ProcStat, containerName: string, uid: number): boolean {
  const argv = parseCmdline(readProcFile(`/proc/${pid}/cmdline`) ?? '');
  const at = argv.indexOf('-n');
  if (basename(argv[0] ?? '') !== 'conmon' || at < 0 || argv[at + 1] !== containerName) return false;
  return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid === uid;
}

function isSame({ pid, startTicks }: ProcStat): boolean {
  return readProcess(pid)?.startTicks === startTicks;
}

function kill(one: ProcStat): void {
  if (!isSame(one)) return;
  try {
    process.kill(one.pid, 'SIGKILL');
  } catch {
    // Gone in between, which is what was wanted.
  }
}
