import { type KernelUnits, readKernelUnits } from '../kit/proc/units.js';
import { readCgroup } from './cgroup-reading.js';
import { kernelTexts } from './kernel-text.js';
import { type KernelRoots, kernelRoots, ownCgroup } from './own-cgroup.js';
import { sumProcesses } from './process-sums.js';
import type { Reading } from './reading.js';

/** A sandbox as far as reading its usage goes. */
export interface UsageTarget {
  readonly containerId: string;
  readonly initPid: number;
  /** Pid namespace of process 1. */
  readonly namespace: string;
  /** Whether that very process 1 still runs, by its start time as well: what is read of another one is none of its usage. */
  isAlive(): boolean;
}

/**
 * Reads what sandboxes use, from their cgroups and else from /proc; asks no engine. Where there is a cgroup of its own
 * without a controller, what that would count is taken from the processes, and the reading says so.
 */
export class UsageReader {
  readonly #roots: KernelRoots;
  readonly #units: KernelUnits;
  readonly #read = kernelTexts();
  /** No process 1 moves to another cgroup. */
  readonly #folders = new WeakMap<UsageTarget, { readonly folder: string | undefined }>();

  constructor(roots = kernelRoots, units = readKernelUnits()) {
    this.#roots = roots;
    this.#units = units;
  }

  /** Undefined when it has ended or /proc does not show it. */
  read(target: UsageTarget): Reading | undefined {
    return this.readAll([target]).get(target);
  }

  /** Those that have ended, or that /proc does not show, are left out. */
  readAll<T extends UsageTarget>(targets: Iterable<T>): ReadonlyMap<T, Reading> {
    const readings = new Map<T, Reading | undefined>();
    for (const target of targets) readings.set(target, this.#byCgroup(target));
    const incomplete = [...readings].filter(([, reading]) => !isComplete(reading));
    const namespaces = new Set(incomplete.map(([{ namespace }]) => namespace));
    const { procRoot } = this.#roots;
    const sums = namespaces.size === 0 ? undefined : sumProcesses(namespaces, this.#units, procRoot, this.#read);
    for (const [target, reading] of incomplete) readings.set(target, merged(reading, sums?.get(target.namespace)));
    // Asked last: one that has ended may have left its pid, and with it its numbers, to another.
    const alive = [...readings].filter(([target, reading]) => reading !== undefined && target.isAlive());
    return new Map(alive as [T, Reading][]);
  }

  #byCgroup(target: UsageTarget): Reading | undefined {
    let known = this.#folders.get(target);
    if (known === undefined) {
      known = { folder: ownCgroup(target.initPid, target.containerId, this.#roots) };
      this.#folders.set(target, known);
    }
    return known.folder === undefined ? undefined : readCgroup(known.folder, this.#read);
  }
}

function isComplete(reading: Reading | undefined): boolean {
  const { memory, cpu, pids } = reading?.sources ?? {};
  return memory !== undefined && cpu !== undefined && pids !== undefined;
}

function merged(counted: Reading | undefined, summed: Reading | undefined): Reading | undefined {
  if (counted === undefined || summed === undefined) return counted ?? summed;
  return { ...summed, ...counted, sources: { ...summed.sources, ...counted.sources } };
}
