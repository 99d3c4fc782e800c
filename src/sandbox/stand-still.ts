import { type InitIdentity, isInitAlive, outOfSight } from './init-identity.js';
import { ownProcessesOf } from './own-processes.js';
import { pidNamespaceOf, processesOf, type SandboxProcess, signalProcess } from './processes.js';
import { type Thread, threadsOf } from './threads.js';

/**
 * How a sandbox is found: with everything stopped; with something that waits in the kernel and stops when it comes out; or with
 * something that runs.
 */
export type Stillness = 'still' | 'in-kernel' | 'running';

/** One look at a sandbox. */
export interface Look {
  readonly stillness: Stillness;
  /**
   * Every thread with its state and how often it has left a processor. Where two looks have the same, nothing in there has run between
   * them, not even for a moment: being found stopped twice does not say that, since a process may be woken and stop itself again.
   */
  readonly trace: string;
}

/**
 * Stops what runs in a sandbox, for a while, from the host: by SIGSTOP, since a rootless engine often has no cgroup that could be
 * frozen. What was stopped already is left as it is, then and afterwards. A process can arrange to be continued (by a timer, say): who
 * looks again finds that out by the trace. Process 1 and supervisors run on. Whoever lives more shortly than a listing of /proc takes,
 * and forks before it goes, is never met from the host: process 1 can stop everything at once.
 */
export class StandStill {
  readonly #place: () => InitIdentity | undefined;
  readonly #byInit: () => (() => Promise<void>) | undefined;
  readonly #held = new Map<number, SandboxProcess>();
  /** Traces of what somebody else had stopped. */
  readonly #foreign = new Map<number, string>();
  #isAllHeld = false;
  #unseenLooks = 0;

  /**
   * `place` is undefined while there is no sandbox, which is as still as can be; `byInit` has its process 1 stop everything in it, and is
   * undefined where it can't be asked.
   */
  constructor(
    place: () => InitIdentity | undefined,
    byInit: () => (() => Promise<void>) | undefined = () => undefined,
  ) {
    this.#place = place;
    this.#byInit = byInit;
  }

  get isHolding(): boolean {
    return this.#held.size > 0;
  }

  /** Stops everything that is not, parents first, so that none of them hears of it. Says how it was found before. */
  stop(): Look {
    // What nobody sees is never known to stand still: no two looks are alike.
    if (this.#place()?.initPid === outOfSight) return { stillness: 'running', trace: `unseen ${++this.#unseenLooks}` };
    let stillness: Stillness = 'still';
    const trace: string[] = [];
    for (const one of this.#processes()) {
      const threads = threadsOf(one.pid);
      trace.push(...tracesOf(threads));
      const found = stillnessOf(threads);
      if (found === 'still') {
        this.#noteStopped(one, threads);
        continue;
      }
      signalProcess(one, 'SIGSTOP');
      this.#held.set(one.pid, one);
      if (stillness !== 'running') stillness = found;
    }
    return { stillness, trace: trace.toSorted().join(' ') };
  }

  /**
   * Has process 1 stop everything at once; false where it can't be asked. To be called where a look has found everything still: what that
   * found stopped by others stays so, and to whom SIGSTOP is still under way the kernel sends no second one, which what he forks just
   * then would get as well. Rejects when process 1 does not answer, or is gone.
   */
  async holdAll(): Promise<boolean> {
    const hold = this.#byInit();
    if (hold === undefined) return false;
    this.#isAllHeld = true;
    await hold();
    return true;
  }

  /** Lets what was stopped here go on, children first. */
  release(): void {
    // Nobody may have looked since.
    if (this.#isAllHeld) for (const one of this.#processes()) this.#noteStopped(one, threadsOf(one.pid));
    for (const one of parentsFirst([...this.#held.values()]).toReversed()) signalProcess(one, 'SIGCONT');
    this.#held.clear();
    this.#foreign.clear();
    this.#isAllHeld = false;
  }

  /** Lets everything go on, after a holder that may have gone while it was stopped. */
  wake(): void {
    for (const one of this.#processes().toReversed())
      if (stillnessOf(threadsOf(one.pid)) === 'still') signalProcess(one, 'SIGCONT');
  }

  /** Whose doing it was. Once everything was stopped at once, what has run since it was found stopped, or never was, is ours. */
  #noteStopped(one: SandboxProcess, threads: readonly Thread[]): void {
    if (stillnessOf(threads) !== 'still' || this.#held.get(one.pid)?.startTicks === one.startTicks) return;
    const trace = tracesOf(threads).join(' ');
    // What a debugger has stopped would stop once more when that lets it go on.
    const isTraced = threads.some(({ state }) => state === 't');
    if (!this.#isAllHeld) this.#foreign.set(one.pid, trace);
    else if (isTraced || this.#foreign.get(one.pid) !== trace) this.#held.set(one.pid, one);
  }

  #processes(): readonly SandboxProcess[] {
    const place = this.#place();
    if (place === undefined || !isInitAlive(place)) return [];
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

function tracesOf(threads: readonly Thread[]): readonly string[] {
  return threads.map(({ id, state, switches }) => `${id}${state}${switches}`);
}

/** The first thread may have stopped, or ended, while another is still at work. */
function stillnessOf(threads: readonly Thread[]): Stillness {
  const atWork = threads.filter(({ state }) => !'TtZX'.includes(state));
  if (atWork.length === 0) return 'still';
  return atWork.every(({ state }) => state === 'D') ? 'in-kernel' : 'running';
}
