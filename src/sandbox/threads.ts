import { namesIn, readProcFile } from '../kit/proc/read.js';

/** One thread, as anybody may see it. */
export interface Thread {
  readonly id: string;
  /** One letter, as in `ps`; `?` where it can't be read. */
  readonly state: string;
  /** How often it has left a processor: whoever has run since has more. */
  readonly switches: number;
}

/** The threads of a process; none when it is gone. */
export function threadsOf(pid: number, procRoot = '/proc'): readonly Thread[] {
  const folder = `${procRoot}/${pid}/task`;
  return namesIn(folder).flatMap((id) => threadOf(id, readProcFile(`${folder}/${id}/status`)) ?? []);
}

/** Undefined for one that has gone in between. */
function threadOf(id: string, status: string | undefined): Thread | undefined {
  if (status === undefined) return undefined;
  const state = /^State:\t(\w)/m.exec(status)?.[1] ?? '?';
  const counts = [...status.matchAll(/^(?:non)?voluntary_ctxt_switches:\t(\d{1,15})$/gm)].map(([, digits]) =>
    Number(digits),
  );
  return { id, state, switches: counts.reduce((sum, count) => sum + count, 0) };
}
