import { readdirSync } from 'node:fs';
import type { Clock } from '../../kit/clock.js';
import { parseUnifiedCgroup } from '../../kit/proc/cgroup.js';
import { readProcFile } from '../../kit/proc/read.js';
import { ownCgroup } from '../../monitor/own-cgroup.js';
import { type CgroupKeeper, CgroupRefused, type KeptCgroup } from './cgroup-keeper.js';
import { CommandCgroup } from './command-cgroup.js';
import { hostPidOf, type SandboxInit } from './host-pid.js';

const cgroupRoot = '/sys/fs/cgroup';

/** The cgroups of a sandbox's commands: `cmd-N` beside `init`, where process 1 and the supervisors are. */
export class CommandCgroups {
  readonly #keeper: CgroupKeeper;
  readonly #above: KeptCgroup;
  readonly #init: SandboxInit;
  readonly #clock: Clock;
  readonly #kept = new Map<number, CommandCgroup>();

  private constructor(keeper: CgroupKeeper, above: KeptCgroup, init: SandboxInit, clock: Clock) {
    this.#keeper = keeper;
    this.#above = above;
    this.#init = init;
    this.#clock = clock;
  }

  /**
   * Prepares the sandbox's cgroup, or finds it prepared by the holder before. Rejects with CgroupRefused where that can't
   * be; the sandbox is as it was then, or has its processes in a leaf of its own, which changes nothing for them.
   */
  static async open(
    keeper: CgroupKeeper,
    init: SandboxInit & { readonly containerId: string },
    clock: Clock,
  ): Promise<CommandCgroups> {
    const above = { initPid: init.initPid, folder: folderOf(init) };
    await keeper.split(above);
    return new CommandCgroups(keeper, above, init, clock);
  }

  /** Puts a process that is prepared into a cgroup of its own. Rejects with CgroupRefused. */
  async enter(name: number, insidePid: number): Promise<CommandCgroup> {
    const pid = hostPidOf(this.#init, insidePid);
    if (pid === undefined) throw new CgroupRefused('enter', new Error(`there is no process ${insidePid} inside`));
    await this.#keeper.enter(this.#above, name, pid);
    return this.#of(name);
  }

  /** Keeps those of commands that another holder started; what else it left is removed. */
  async takeOver(running: readonly number[]): Promise<void> {
    const left: Promise<void>[] = [];
    for (const name of this.#present()) {
      if (running.includes(name)) this.#kept.set(name, this.#of(name));
      else left.push(this.#of(name).leave());
    }
    await Promise.all(left);
  }

  /** Hands a change of the sandbox's memory limit down. Rejects with CgroupRefused. */
  async followLimit(): Promise<void> {
    await Promise.all(this.#present().map((name) => this.#keeper.limit(this.#above, name)));
  }

  /** Of a command that was taken over. */
  keptOf(name: number): CommandCgroup | undefined {
    return this.#kept.get(name);
  }

  #present(): readonly number[] {
    const names = readdirSync(this.#above.folder).flatMap((name) => /^cmd-(\d+)$/.exec(name)?.[1] ?? []);
    return names.map(Number);
  }

  #of(name: number): CommandCgroup {
    return new CommandCgroup(this.#keeper, this.#above, name, this.#clock);
  }
}

/** The folder that crun puts the processes in; where an engine has none, limits and processes share one. */
function folderOf({ initPid, containerId }: SandboxInit & { readonly containerId: string }): string {
  const limited = ownCgroup(initPid, containerId);
  const path = parseUnifiedCgroup(readProcFile(`/proc/${initPid}/cgroup`) ?? '');
  const folder = `${limited}/container`;
  const isThere = limited !== undefined && [folder, `${folder}/init`].includes(`${cgroupRoot}${path}`);
  if (!isThere) throw new CgroupRefused('split', new Error('the sandbox has no folder `container` of its own'));
  return folder;
}
