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

/** CPU time by `/proc/PID/stat`, in clock ticks, with that of every child that has ended and was waited for. */
export interface ProcTimes {
  readonly userTicks: number;
  readonly systemTicks: number;
}

/** Never throws. */
export function parseTimes(text: string): ProcTimes | undefined {
  const rest = text
    .slice(text.lastIndexOf(')') + 1)
    .trim()
    .split(/\s+/);
  // utime, stime, cutime and cstime are fields 14 to 17; the first after the name is 3.
  const words = rest.slice(11, 15);
  if (words.length !== 4 || !words.every((word) => /^\d{1,15}$/.test(word))) return undefined;
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = words.map(Number);
  return { userTicks: user + childUser, systemTicks: system + childSystem };
}

/** The resident pages by `/proc/PID/statm`. (`stat` has them as well, but off by hundreds: it does not add up what each processor counts.) */
export function parseResidentPages(text: string | undefined): number | undefined {
  const digits = /^\d+ (\d{1,12}) /.exec(text ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}
