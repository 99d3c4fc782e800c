import type { Clock } from '../kit/clock.js';
import { readProcFile } from '../kit/proc/read.js';
import { parseStat } from '../kit/proc/stat.js';

const mostMs = 5000;

/**
 * Waits until process 1 of a started container has become our init. Engines answer `start` when the OCI runtime has
 * been told to go on, which may be before its last steps and its execve: evidence read then is that of crun or runc.
 * Returns as soon as waiting can change nothing more (our init, a dead process, 5 s): the evidence says which.
 */
export async function awaitInit(
  pid: number,
  initArgv: readonly string[],
  clock: Clock,
  signal?: AbortSignal,
): Promise<void> {
  const wanted = initArgv.map((word) => `${word}\0`).join('');
  const until = clock.monotonic() + mostMs;
  for (let pauseMs = 1; clock.monotonic() < until; pauseMs = Math.min(pauseMs * 2, 20)) {
    const cmdline = readProcFile(`/proc/${pid}/cmdline`);
    if (cmdline === undefined || cmdline === wanted) return;
    // Empty in the midst of an execve, and for good in a zombie.
    const state = parseStat(readProcFile(`/proc/${pid}/stat`) ?? '')?.state;
    if (state === undefined || state === 'Z' || state === 'X') return;
    await clock.sleep(pauseMs, signal);
  }
}
