import type { Clock } from '../../kit/clock.js';
import { signalProcess } from '../processes.js';
import { type MarkedProcess, markedProcessesOf } from './marked-processes.js';

/** Which processes of a sandbox belong to the command that is to end, as things stand at this moment. */
export interface KillScope {
  /** Process 1 of the sandbox on the host: never signalled. */
  readonly initPid: number;
  /** Marks of other commands that go on living. */
  readonly otherMarks: ReadonlySet<string>;
  /** First processes (on the host) of those other commands. */
  readonly otherPids: ReadonlySet<number>;
  /** Leave alone what carries no mark: the first process of another command is not known yet and may have none. */
  readonly unmarkedSpared: boolean;
}

/** A command's tree, for `killTree`. */
export interface KillTarget {
  /** Pid namespace of the sandbox, as `pidNamespaceOf` gives it. */
  readonly namespace: string;
  /** Whether process 1 is still the one we know: a namespace's number is soon given to another container. */
  readonly isAlive: () => boolean;
  /** Asked again for every look: other commands start while this one is being ended. */
  readonly scope: () => KillScope;
  /** Finds out the first processes of other commands, so that `unmarkedSpared` can become false. */
  readonly learn: () => Promise<void>;
}

export interface KillTiming {
  /** Time between SIGTERM and SIGKILL, in milliseconds; 0: no SIGTERM. */
  readonly graceMs: number;
  /** How long to go on killing before giving up, in milliseconds. */
  readonly deadlineMs: number;
}

export interface KillOutcome {
  /** Processes that were there at the start. */
  readonly found: number;
  readonly complete: boolean;
}

/** What one look at the sandbox shows: processes to end, and whether there are some that can't be told apart yet. */
export interface Look {
  readonly victims: readonly MarkedProcess[];
  readonly isUndecided: boolean;
}

type Owner = 'other' | 'unknown' | 'nobody';

/**
 * The processes that a kill must reach: all of the sandbox but process 1 and those that belong to another live command
 * (by mark, by being its first process, or by descending from one of these). What has dropped its mark and its parent
 * belongs to nobody and is included, so a double fork with an empty environment does not escape.
 */
export function judgeProcesses(all: readonly MarkedProcess[], scope: KillScope): Look {
  const byPid = new Map(all.map((p) => [p.pid, p]));
  const ownerOf = (process: MarkedProcess, depth = 0): Owner => {
    if (scope.otherPids.has(process.pid)) return 'other';
    if (process.mark !== undefined) return scope.otherMarks.has(process.mark) ? 'other' : 'nobody';
    const parent = process.ppid === scope.initPid || depth > 512 ? undefined : byPid.get(process.ppid);
    const owner = parent === undefined ? 'nobody' : ownerOf(parent, depth + 1);
    if (owner !== 'nobody') return owner;
    // In the middle of an exec even a marked process shows none.
    return scope.unmarkedSpared || (!process.settled && scope.otherMarks.size > 0) ? 'unknown' : 'nobody';
  };
  const owned = all.filter((p) => p.pid !== scope.initPid).map((p) => [p, ownerOf(p)] as const);
  return {
    victims: owned.filter(([, owner]) => owner === 'nobody').map(([process]) => process),
    isUndecided: owned.some(([, owner]) => owner === 'unknown'),
  };
}

/**
 * Ends a command's whole tree from the host: SIGTERM and a grace, then SIGSTOP to everything until no new process
 * appears (a fork loop cannot outrun that), then SIGKILL until nothing is left. Returns the number of processes that
 * were there at the start, and whether all are gone.
 */
export async function killTree(target: KillTarget, timing: KillTiming, clock: Clock): Promise<KillOutcome> {
  const look = () => judgeProcesses(target.isAlive() ? markedProcessesOf(target.namespace) : [], target.scope());
  const giveUpAt = clock.monotonic() + timing.deadlineMs;
  let found = 0;
  let hardAt: number | undefined;
  while (clock.monotonic() < giveUpAt) {
    const { victims, isUndecided } = look();
    if (victims.length === 0 && !isUndecided) return { found, complete: true };
    if (found === 0) found = victims.length;
    if (victims.length === 0) {
      await target.learn();
    } else if (hardAt === undefined && timing.graceMs > 0) {
      for (const victim of victims) signalProcess(victim, 'SIGTERM');
      hardAt = clock.monotonic() + timing.graceMs;
    } else if (hardAt === undefined || clock.monotonic() >= hardAt) {
      for (const victim of freeze(() => look().victims)) signalProcess(victim, 'SIGKILL');
    }
    await clock.sleep(10);
  }
  return { found, complete: look().victims.length === 0 };
}

/** One signal to every process of the command, or only to `onlyPid` if it is among them. */
export function signalTree(target: KillTarget, signal: number, onlyPid?: number): void {
  const { victims } = judgeProcesses(target.isAlive() ? markedProcessesOf(target.namespace) : [], target.scope());
  for (const victim of victims) if (onlyPid === undefined || victim.pid === onlyPid) signalProcess(victim, signal);
}

function freeze(list: () => readonly MarkedProcess[]): readonly MarkedProcess[] {
  const stopped = new Set<number>();
  let all = list();
  // Bounded: a namespace cannot hold more new processes than the machine has pids, but a round must end.
  for (let round = 0; round < 50; round += 1) {
    const fresh = all.filter((p) => !stopped.has(p.pid));
    if (fresh.length === 0) break;
    for (const process of fresh) {
      signalProcess(process, 'SIGSTOP');
      stopped.add(process.pid);
    }
    all = list();
  }
  return all;
}
