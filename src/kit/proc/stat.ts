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
