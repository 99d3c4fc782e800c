import { getSystemErrorName } from 'node:util';
import { LineHelper } from '../line-helper.js';

/** The kernel refused something of a cgroup; `errno` is 0 where it was not the kernel. */
export class CgroupRefused extends Error {
  readonly errno: number;

  constructor(verb: string, cause: unknown) {
    const said = cause instanceof Error ? cause.message : String(cause);
    const errno = /^[1-9]\d{0,3}$/.test(said) ? Number(said) : 0;
    super(`${verb}: ${errno === 0 ? said : getSystemErrorName(-errno)}`, { cause });
    this.errno = errno;
  }
}

/** A sandbox's cgroup, as the keeper has to be told of it. */
export interface KeptCgroup {
  readonly initPid: number;
  /** Absolute, without white space: what engines make is. */
  readonly folder: string;
}

/**
 * Makes and removes cgroups beneath those of sandboxes: `paddock-init --cgroups`, a process that has joined the engine's
 * user namespace, since the folders belong to a subordinate id of the caller's. Everything rejects with CgroupRefused.
 */
export class CgroupKeeper {
  readonly #helper: LineHelper;

  /** `program`: paddock-init, as a program of this host. */
  constructor(program: string) {
    this.#helper = new LineHelper(program, ['--cgroups']);
  }

  /** Moves the processes of the folder into a leaf of their own, so that there can be more of those. Idempotent. */
  split(cgroup: KeptCgroup): Promise<void> {
    return this.#ask('split', cgroup);
  }

  /** Makes `cmd-NAME` and puts a process (by its number on this host) into it. */
  enter(cgroup: KeptCgroup, name: number, pid: number): Promise<void> {
    return this.#ask('enter', cgroup, name, pid);
  }

  /** Gives it the memory limit that the sandbox has now, if it is there. */
  limit(cgroup: KeptCgroup, name: number): Promise<void> {
    return this.#ask('limit', cgroup, name);
  }

  /** SIGKILL to everything in it, at once. */
  kill(cgroup: KeptCgroup, name: number): Promise<void> {
    return this.#ask('kill', cgroup, name);
  }

  /** Removes it, if it is there: EBUSY while a process is in it. */
  leave(cgroup: KeptCgroup, name: number): Promise<void> {
    return this.#ask('leave', cgroup, name);
  }

  async #ask(verb: string, { initPid, folder }: KeptCgroup, name = 0, pid = 0): Promise<void> {
    try {
      await this.#helper.ask(`${verb} ${initPid} ${name} ${pid} ${folder}`);
    } catch (error) {
      throw new CgroupRefused(verb, error);
    }
  }
}
