import { known } from '../kit/known.js';
import { readProcFile } from '../kit/proc/read.js';
import { parseNamed } from './cgroup-files.js';

/** Counters of a sandbox's cgroup that a command's share is the difference of; absent where the kernel keeps none. */
export interface CgroupCounters {
  readonly oomKills?: number;
  readonly throttledUs?: number;
}

const every: CgroupCounters = { oomKills: 0, throttledUs: 0 };

/** With `before` only the counters that were there then. */
export function readCounters(cgroup: string | undefined, before: CgroupCounters = every): CgroupCounters {
  if (cgroup === undefined) return {};
  const counter = (file: string, name: string) => parseNamed(readProcFile(`${cgroup}/${file}`)).get(name);
  return known({
    oomKills: before.oomKills === undefined ? undefined : counter('memory.events', 'oom_kill'),
    throttledUs: before.throttledUs === undefined ? undefined : counter('cpu.stat', 'throttled_usec'),
  });
}

/** What happened in between, in the words of `Usage`. */
export function counted(
  before: CgroupCounters,
  after: CgroupCounters,
): { readonly oomKills?: number; readonly sandboxThrottledMs?: number } {
  const difference = (name: keyof CgroupCounters) => {
    const [from, to] = [before[name], after[name]];
    return from === undefined || to === undefined ? undefined : Math.max(0, to - from);
  };
  const throttled = difference('throttledUs');
  return known({
    oomKills: difference('oomKills'),
    sandboxThrottledMs: throttled === undefined ? undefined : Math.round(throttled / 1000),
  });
}
