/** The part of `/proc/PID/stat` that tells one process from a later one with the same number. */
export interface ProcStat {
  readonly pid: number;
  readonly comm: string;
  readonly state: string;
  readonly ppid: number;
  readonly threads: number;
  /** Clock ticks after boot at which it started; with the pid it names a process for good. */
  readonly startTicks: string;
}

/** Never throws. The name stands in parentheses and may itself hold spaces, parentheses and newlines: the last `)` ends it. */
export function parseStat(text: string): ProcStat | undefined {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 1 || close < open) return undefined;
  const pid = text.slice(0, open).trim();
  const rest = text
    .slice(close + 1)
    .trim()
    .split(/\s+/);
  const [state, ppid] = rest;
  const [threads, , startTicks] = rest.slice(17);
  if (!/^\d{1,10}$/.test(pid) || state === undefined || !/^\d{1,10}$/.test(ppid ?? '')) return undefined;
  if (startTicks === undefined || !/^\d{1,20}$/.test(startTicks)) return undefined;
  const comm = text.slice(open + 1, close);
  return { pid: Number(pid), comm, state, ppid: Number(ppid), threads: Number(threads), startTicks };
}

/** What `/proc/PID/stat` says that a process uses; in clock ticks and pages of the kernel (`readKernelUnits`). */
export interface ProcStatUsage {
  /** With the time of every child that has ended and was waited for. */
  readonly userTicks: number;
  readonly systemTicks: number;
  readonly residentPages: number;
}

/** Never throws. */
export function parseStatUsage(text: string): ProcStatUsage | undefined {
  const rest = text
    .slice(text.lastIndexOf(')') + 1)
    .trim()
    .split(/\s+/);
  // utime, stime, cutime, cstime are fields 14 to 17, rss is 24; the first after the name is 3.
  const words = [...rest.slice(11, 15), rest[21]];
  const [user, system, childUser, childSystem, residentPages] = words.map(Number);
  if (words.length !== 5 || !words.every((word) => /^\d{1,15}$/.test(word ?? ''))) return undefined;
  return {
    userTicks: (user ?? 0) + (childUser ?? 0),
    systemTicks: (system ?? 0) + (childSystem ?? 0),
    residentPages: residentPages ?? 0,
  };
}
