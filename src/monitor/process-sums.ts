import { readdirSync } from 'node:fs';
import { readLinkOrNothing } from '../kit/proc/read.js';
import { type ProcStat, type ProcTimes, parseResidentPages, parseStat, parseTimes } from '../kit/proc/stat.js';
import type { KernelUnits } from '../kit/proc/units.js';
import type { ReadText } from './kernel-text.js';
import type { Reading } from './reading.js';

interface Seen {
  readonly namespace: string;
  readonly stat: ProcStat;
  readonly times: ProcTimes;
}

/** A deeper nest of pid namespaces than the kernel makes (MAX_PID_NS_LEVEL is 32) has no bottom. */
const mostLevels = 512;

/**
 * What the processes in each of these pid namespaces use together, those in namespaces made inside included, by one walk
 * over /proc for all of them. CPU time holds that of every process that has ended and was waited for, which process 1
 * does for all that nobody else waits for. Namespaces without a process are left out: the caller makes sure that each
 * number still names the sandbox's (process 1 lives).
 */
export function sumProcesses(
  namespaces: ReadonlySet<string>,
  units: KernelUnits,
  procRoot: string,
  read: ReadText,
): ReadonlyMap<string, Reading> {
  const seen = look(namespaces, procRoot, read);
  const members = new Map<string, Seen[]>();
  for (const one of seen.values()) {
    const home = sandboxOf(one, seen, namespaces);
    if (home === undefined) continue;
    const others = members.get(home);
    if (others) others.push(one);
    else members.set(home, [one]);
  }
  return new Map(
    [...members].map(([namespace, all]) => [namespace, sumOf(all, units, (pid) => read(`${procRoot}/${pid}/statm`))]),
  );
}

/** Every process that is not in our own namespace; whose namespace can't be read is not one of this user's sandboxes. */
function look(namespaces: ReadonlySet<string>, procRoot: string, read: ReadText): ReadonlyMap<number, Seen> {
  const own = readLinkOrNothing(`${procRoot}/self/ns/pid`);
  const seen = new Map<number, Seen>();
  for (const name of readdirSync(procRoot)) {
    const pid = Number(name);
    const namespace = Number.isInteger(pid) ? readLinkOrNothing(`${procRoot}/${name}/ns/pid`) : undefined;
    if (namespace === undefined || (namespace === own && !namespaces.has(namespace))) continue;
    const text = read(`${procRoot}/${name}/stat`);
    const stat = text === undefined ? undefined : parseStat(text);
    const times = text === undefined ? undefined : parseTimes(text);
    if (stat !== undefined && times !== undefined) seen.set(pid, { namespace, stat, times });
  }
  return seen;
}

/** Its own namespace, or that of the nearest ancestor: an orphan goes to an init of its own or an enclosing namespace. */
function sandboxOf(one: Seen, seen: ReadonlyMap<number, Seen>, namespaces: ReadonlySet<string>): string | undefined {
  let at: Seen | undefined = one;
  for (let level = 0; at !== undefined && level < mostLevels; level += 1) {
    if (namespaces.has(at.namespace)) return at.namespace;
    at = seen.get(at.stat.ppid);
  }
  return undefined;
}

function sumOf(
  all: readonly Seen[],
  { pageBytes, ticksPerSecond }: KernelUnits,
  statm: (pid: number) => string | undefined,
): Reading {
  const sum = (of: (one: Seen) => number) => all.reduce((total, one) => total + of(one), 0);
  const us = (ticks: number) => Math.round((ticks * 1e6) / ticksPerSecond);
  const userUs = us(sum(({ times }) => times.userTicks));
  const systemUs = us(sum(({ times }) => times.systemTicks));
  return {
    sources: { memory: 'processes', cpu: 'processes', pids: 'processes' },
    // A process that has just ended has none.
    memoryBytes: sum(({ stat }) => parseResidentPages(statm(stat.pid)) ?? 0) * pageBytes,
    cpuUs: userUs + systemUs,
    userUs,
    systemUs,
    // One that has ended and waits to be waited for has no threads any more, and counts as a process still.
    pids: sum(({ stat }) => Math.max(1, stat.threads)),
  };
}
