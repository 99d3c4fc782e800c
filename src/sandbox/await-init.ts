import type { Clock } from '../kit/clock.js';
import { readProcFile } from '../kit/proc/read.js';
import { parseStat } from '../kit/proc/stat.js';

const mostMs = 5000;

/**
 * Waits until process 1 of a started container has become our init. Engines answer `start` when the OCI runtime has
 * been told to go on, which may be before its last steps and its execve: evidence read then is that of crun or runc. Then it
 * asks its filter and takes its name by that, first of all.
 * Returns as soon as waiting can change nothing more (our init, a dead process, 5 s): the evidence says which.
 */
export async function awaitInit(
  pid: number,
  init: { readonly argv: readonly string[]; readonly name: string },
  clock: Clock,
  signal?: AbortSignal,
): Promise<void> {
  const wanted = init.argv.map((word) => `${word}\0`).join('');
  const until = clock.monotonic() + mostMs;
  for (let pauseMs = 1; clock.monotonic() < until; pauseMs = Math.min(pauseMs * 2, 20)) {
    const cmdline = readProcFile(`/proc/${pid}/cmdline`);
    const stat = parseStat(readProcFile(`/proc/${pid}/stat`) ?? '');
    if (cmdline === undefined || (cmdline === wanted && stat?.comm === init.name)) return;
    // The command line is empty in the midst of an execve, and for good in a zombie.
    if (stat === undefined || stat.state === 'Z' || stat.state === 'X') return;
    await clock.sleep(pauseMs, signal);
  }
}
