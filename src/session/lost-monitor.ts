import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Clock } from '../kit/clock.js';
import { parseCmdline } from '../kit/proc/cmdline.js';
import { listProcesses, readProcess, withDescendants } from '../kit/proc/processes.js';
import { readProcFile } from '../kit/proc/read.js';
import type { ProcStat } from '../kit/proc/stat.js';

const pollMs = 50;
const patienceMs = 3000;

/**
 * Ends what a Podman service that was killed between making and starting a container has lost: conmon and the first
 * process of the OCI runtime, parked for ever, of a container that the engine no longer knows. Our process 1 has not
 * started then, so no deadline ends them. Only a conmon of the caller's is meant whose `-n` is exactly the name that the
 * session's own record holds (60 random bits). Returns how many processes were ended.
 */
export async function endLostMonitor(containerName: string, uid: number, clock: Clock): Promise<number> {
  const all = await listProcesses();
  const found = await Promise.all(all.map(async (one) => ((await isMonitorOf(one, containerName, uid)) ? [one] : [])));
  const monitors = found.flat();
  if (monitors.length === 0) return 0;
  const tree = withDescendants(all, monitors);
  for (const one of tree) if (!monitors.includes(one)) await kill(one);
  // A conmon whose container has ended cleans up after it and goes by itself.
  const until = clock.monotonic() + patienceMs;
  while (clock.monotonic() < until && (await anyAlive(monitors))) await clock.sleep(pollMs);
  for (const one of monitors) await kill(one);
  return tree.length;
}

async function isMonitorOf({ pid }: ProcStat, containerName: string, uid: number): Promise<boolean> {
  const argv = parseCmdline((await readProcFile(`/proc/${pid}/cmdline`)) ?? '');
  const at = argv.indexOf('-n');
  if (basename(argv[0] ?? '') !== 'conmon' || at < 0 || argv[at + 1] !== containerName) return false;
  const owner = await stat(`/proc/${pid}`).catch(() => undefined);
  return owner?.uid === uid;
}

async function anyAlive(processes: readonly ProcStat[]): Promise<boolean> {
  const alive = await Promise.all(processes.map(isSame));
  return alive.includes(true);
}

async function isSame({ pid, startTicks }: ProcStat): Promise<boolean> {
  return (await readProcess(pid))?.startTicks === startTicks;
}

async function kill(one: ProcStat): Promise<void> {
  if (!(await isSame(one))) return;
  try {
    process.kill(one.pid, 'SIGKILL');
  } catch {
    // Gone in between, which is what was wanted.
  }
}
