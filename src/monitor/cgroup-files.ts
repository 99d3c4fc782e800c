import { known } from '../kit/known.js';
import type { Pressure } from './reading.js';

/** Numbers by name, as in cpu.stat and memory.events. Lines of another form are left out. Never throws. */
export function parseNamed(text: string | undefined): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const line of (text ?? '').split('\n')) {
    const space = line.indexOf(' ');
    const value = space > 0 ? parseCount(line.slice(space + 1)) : undefined;
    if (value !== undefined) values.set(line.slice(0, space), value);
  }
  return values;
}

/** One number; `max`, which is no limit, and everything else is undefined. */
export function parseCount(text: string | undefined): number | undefined {
  const word = text?.trim();
  return word !== undefined && /^\d{1,16}$/.test(word) ? Number(word) : undefined;
}

/** io.stat, all devices together: what goes through a mapped device counts there and on the one below. */
export function parseIo(text: string | undefined): { bytesRead: number; bytesWritten: number; operations: number } {
  const sums = { bytesRead: 0, bytesWritten: 0, operations: 0 };
  for (const [, key, digits] of (text ?? '').matchAll(/\b(rbytes|wbytes|rios|wios)=(\d{1,16})\b/g)) {
    if (key === 'rbytes') sums.bytesRead += Number(digits);
    else if (key === 'wbytes') sums.bytesWritten += Number(digits);
    else sums.operations += Number(digits);
  }
  return sums;
}

/** memory.pressure and its like; undefined where the kernel keeps none (`CONFIG_PSI`, `psi=0`). */
export function parsePressure(text: string | undefined): Pressure | undefined {
  const lines = new Map(
    [...(text ?? '').matchAll(/^(some|full) avg10=(\d+\.\d+) .* total=(\d{1,16})$/gm)].map((match) => [
      match[1],
      { avg10: Number(match[2]), totalUs: Number(match[3]) },
    ]),
  );
  const some = lines.get('some');
  if (some === undefined) return undefined;
  const full = lines.get('full');
  return {
    someAvg10: some.avg10,
    someTotalUs: some.totalUs,
    ...known({ fullAvg10: full?.avg10, fullTotalUs: full?.totalUs }),
  };
}
