import { constants } from 'node:os';
import type { Usage } from '../../core/exec.js';
import type { Clock } from '../../kit/clock.js';
import { readProcFile } from '../../kit/proc/read.js';
import { type CgroupKeeper, CgroupRefused, type KeptCgroup } from './cgroup-keeper.js';

/** What a command's own cgroup tells of it, as far as the kernel keeps it. */
export type OwnUsage = Pick<Usage, 'userCpuMs' | 'systemCpuMs' | 'peakTreeBytes' | 'peakProcesses' | 'oomKills'>;

/** Together a second: what is dead leaves its cgroup within microseconds, as a rule. */
const retryDelaysMs = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
/** After so many tries what is in there is taken for something that was left. */
const triesBeforeKill = 4;

/** The cgroup of one command: all that its first process forks is in it, and can't leave it. */
export class CommandCgroup {
  readonly #keeper: CgroupKeeper;
  readonly #above: KeptCgroup;
  readonly #name: number;
  readonly #clock: Clock;

  constructor(keeper: CgroupKeeper, above: KeptCgroup, name: number, clock: Clock) {
    this.#keeper = keeper;
    this.#above = above;
    this.#name = name;
    this.#clock = clock;
  }

  /** Up to now, and for as long as it is there. */
  usage(): OwnUsage {
    const read = (file: string) => readProcFile(`${this.#above.folder}/cmd-${this.#name}/${file}`) ?? '';
    const cpu = read('cpu.stat');
    const one = (name: keyof OwnUsage, text: string, pattern: RegExp, divisor = 1) => {
      const digits = pattern.exec(text)?.[1];
      return digits === undefined ? {} : { [name]: Number(digits) / divisor };
    };
    return {
      ...one('userCpuMs', cpu, /^user_usec (\d+)$/m, 1000),
      ...one('systemCpuMs', cpu, /^system_usec (\d+)$/m, 1000),
      ...one('peakTreeBytes', read('memory.peak'), /^(\d+)$/m),
      ...one('peakProcesses', read('pids.peak'), /^(\d+)$/m),
      ...one('oomKills', read('memory.events'), /^oom_kill (\d+)$/m),
    };
  }

  /** Nothing in it escapes that. Best effort: process 1 ends the command's tree as well. */
  async kill(): Promise<void> {
    await this.#keeper.kill(this.#above, this.#name).catch(() => undefined);
  }

  /** Removes it. What can't be removed goes with the sandbox. */
  async leave(): Promise<void> {
    for (const [tries, delayMs] of retryDelaysMs.entries()) {
      try {
        await this.#keeper.leave(this.#above, this.#name);
        return;
      } catch (error) {
        if (!(error instanceof CgroupRefused) || error.errno !== constants.errno.EBUSY) return;
      }
      if (tries === triesBeforeKill) await this.kill();
      await this.#clock.sleep(delayMs);
    }
  }
}
