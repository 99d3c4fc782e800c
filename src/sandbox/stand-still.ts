import { listProcesses } from '../kit/proc/processes.js';
import { ownProcessesOf } from './own-processes.js';
import { pidNamespaceOf, processesOf, type SandboxProcess, signalProcess } from './processes.js';

/**
 * How a sandbox is found: with everything stopped; with something that waits in the kernel and stops when it comes out; or with
 * something that runs.
 */
export type Stillness = 'still' | 'in-kernel' | 'running';

interface Place {
  readonly initPid: number;
  readonly namespace: string;
}

/**
 * Stops what runs in a sandbox, for a while, from the host: by SIGSTOP, since a rootless engine often has no cgroup that could be
 * frozen. What was stopped already is left as it is, then and afterwards. A process can arrange to be continued (by a timer, say): who
 * looks again finds that out. Process 1 and supervisors run on.
 */
export class StandStill {
  readonly #place: () => Place | undefined;
  readonly #held = new Map<number, SandboxProcess>();

  /** `place` is undefined while there is no sandbox, which is as still as can be. */
  constructor(place: () => Place | undefined) {
    this.#place = place;
  }

  get isHolding(): boolean {
    return this.#held.size > 0;
  }

  /** Stops everything that is not, parents first, so that none of them hears of it. Says how it was found. */
  stop(): Stillness {
    let found: Stillness = 'still';
    for (const one of this.#processes()) {
      const state = stateOf(one.pid);
      if (state === 'still') continue;
      signalProcess(one, 'SIGSTOP');
      this.#held.set(one.pid, one);
      if (found !== 'running') found = state;
    }
    return found;
  }

  /** Lets what was stopped here go on, children first. */
  release(): void {
    for (const one of [...this.#held.values()].toReversed()) signalProcess(one, 'SIGCONT');
    this.#held.clear();
  }

  /** Lets everything go on, after a holder that may have gone while it was stopped. */
  wake(): void {
    for (const one of this.#processes().toReversed()) if (stateOf(one.pid) === 'still') signalProcess(one, 'SIGCONT');
  }

  #processes(): readonly SandboxProcess[] {
    const place = this.#place();
    if (place === undefined || pidNamespaceOf(place.initPid) !== place.namespace) return [];
    // Everybody's own processes are in ours.
    if (place.namespace === pidNamespaceOf(process.pid)) return [];
    const isOwn = ownProcessesOf(place.initPid);
    return parentsFirst(processesOf(place.namespace).filter((one) => !isOwn(one)));
  }
}

function parentsFirst(processes: readonly SandboxProcess[]): readonly SandboxProcess[] {
  const byPid = new Map(processes.map((one) => [one.pid, one]));
  const depthOf = ({ ppid }: SandboxProcess): number => {
    let depth = 0;
    for (let above = byPid.get(ppid); above !== undefined && depth < processes.length; depth += 1)
      above = byPid.get(above.ppid);
    return depth;
  };
  return processes
    .map((one) => ({ one, depth: depthOf(one) }))
    .toSorted((a, b) => a.depth - b.depth)
    .map(({ one }) => one);
}

/** By its threads: the first may have stopped, or ended, while another is still at work. */
function stateOf(pid: number): Stillness {
  const atWork = listProcesses(`/proc/${pid}/task`).filter(({ state }) => !'TtZX'.includes(state));
  if (atWork.length === 0) return 'still';
  return atWork.every(({ state }) => state === 'D') ? 'in-kernel' : 'running';
}
