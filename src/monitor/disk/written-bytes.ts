import { readProcFile } from '../../kit/proc/read.js';

/**
 * What processes have written to file systems that keep it on a disk, what is not yet written back and what was written through a
 * mapping included (write_bytes of /proc/PID/io; a tmpfs does not count). A counter goes with its process, so what it rose by between
 * two looks is added up; a process that waits for another takes its sum over, which then counts twice: enough for a hint, and for a
 * bound from above. What a short process wrote that nobody else waited for is missed.
 */
export class WrittenBytes {
  readonly #procRoot: string;
  #seen = new Map<number, number>();
  #total = 0;

  constructor(procRoot = '/proc') {
    this.#procRoot = procRoot;
  }

  /** All that was seen so far; undefined when there are processes and none of them lets itself be seen. */
  look(pids: readonly number[]): number | undefined {
    const now = new Map<number, number>();
    for (const pid of pids) {
      const written = /^write_bytes: (\d+)$/m.exec(readProcFile(`${this.#procRoot}/${pid}/io`) ?? '')?.[1];
      if (written !== undefined) now.set(pid, Number(written));
    }
    if (now.size === 0 && pids.length > 0) return undefined;
    for (const [pid, written] of now) this.#total += Math.max(0, written - (this.#seen.get(pid) ?? 0));
    this.#seen = now;
    return this.#total;
  }
}
