import type { Channel, PreparedCommand } from '../../channel/types.js';
import { SandboxError } from '../../core/errors.js';
import { CgroupRefused } from './cgroup-keeper.js';
import type { CommandCgroup } from './command-cgroup.js';
import type { CommandCgroups } from './command-cgroups.js';

/** Processes that wait in a cgroup of their own for what they are to run. */
export interface Seat {
  readonly prepared: PreparedCommand;
  readonly cgroup: CommandCgroup;
}

/**
 * Keeps one seat ready: moving a process into a cgroup waits for every processor of the host, 5 to 20 ms where nothing
 * was moved for a while, and this is when nobody waits for it.
 */
export class Seats {
  readonly #channel: Channel;
  readonly #cgroups: CommandCgroups;
  #next: Promise<Seat> | undefined;

  constructor(channel: Channel, cgroups: CommandCgroups) {
    this.#channel = channel;
    this.#cgroups = cgroups;
  }

  /** Makes the next one, unless it is there. */
  refill(): void {
    if (this.#next !== undefined || !this.#channel.isOpen) return;
    this.#next = this.#make();
    this.#next.catch(() => undefined);
  }

  /** COMMAND_NOT_RUN: without its cgroup no command is run where commands have one. */
  async take(): Promise<Seat> {
    const waiting = this.#next;
    this.#next = undefined;
    const seat = await waiting?.catch(() => undefined);
    if (seat?.prepared.isOver === false) return seat;
    void seat?.cgroup.leave();
    return await this.#make();
  }

  async #make(): Promise<Seat> {
    const prepared = await this.#channel.prepare();
    try {
      return { prepared, cgroup: await this.#cgroups.enter(prepared.id, prepared.pid) };
    } catch (cause) {
      prepared.discard();
      if (!(cause instanceof CgroupRefused)) throw cause;
      throw new SandboxError('COMMAND_NOT_RUN', `the command got no cgroup of its own (${cause.message})`, { cause });
    }
  }
}
