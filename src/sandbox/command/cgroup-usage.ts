import { readProcFile } from '../../kit/proc/read.js';

/** Counters of a sandbox's cgroup that a command's share is the difference of; absent where the kernel keeps none. */
export interface CgroupCounters {
  readonly oomKills?: number;
  readonly throttledUs?: number;
}

const every: CgroupCounters = { oomKills: 0, throttledUs: 0 };

/** With `before` only the counters that were there then. */
export function readCounters(cgroup: string | undefined, before: CgroupCounters = every): CgroupCounters {
  if (cgroup === undefined) return {};
  const oomKills =
    before.oomKills === undefined ? undefined : counter(readProcFile(`${cgroup}/memory.events`), /^oom_kill (\d+)$/m);
  const throttledUs =
    before.throttledUs === undefined
      ? undefined
      : counter(readProcFile(`${cgroup}/cpu.stat`), /^throttled_usec (\d+)$/m);
  return {
    ...(oomKills === undefined ? {} : { oomKills }),
    ...(throttledUs === undefined ? {} : { throttledUs }),
  };
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
  const kills = difference('oomKills');
  const throttled = difference('throttledUs');
  return {
    ...(kills === undefined ? {} : { oomKills: kills }),
    ...(throttled === undefined ? {} : { sandboxThrottledMs: Math.round(throttled / 1000) }),
  };
}

function counter(text: string | undefined, pattern: RegExp): number | undefined {
  const digits = text === undefined ? undefined : pattern.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
