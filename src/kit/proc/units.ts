import { readFileSync } from 'node:fs';

/** What the kernel's numbers of pages and clock ticks stand for. */
export interface KernelUnits {
  readonly pageBytes: number;
  /** Of the times in /proc/PID/stat. */
  readonly ticksPerSecond: number;
}

/** Keys of the auxiliary vector: getauxval(3). */
const pageSizeKey = 6;
const clockTicksKey = 17;
const usual: KernelUnits = { pageBytes: 4096, ticksPerSecond: 100 };

/** As the kernel told this process at its start; what it did not tell is as on nearly every machine. */
export function readKernelUnits(path = '/proc/self/auxv'): KernelUnits {
  const values = auxiliaryVector(path);
  return {
    pageBytes: values.get(pageSizeKey) ?? usual.pageBytes,
    ticksPerSecond: values.get(clockTicksKey) ?? usual.ticksPerSecond,
  };
}

function auxiliaryVector(path: string): ReadonlyMap<number, number> {
  const values = new Map<number, number>();
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return values;
  }
  // Pairs of 64-bit words: Node runs on 64-bit little-endian Linux only, as far as Paddock does.
  for (let at = 0; at + 16 <= bytes.length; at += 16) {
    values.set(Number(bytes.readBigUInt64LE(at)), Number(bytes.readBigUInt64LE(at + 8)));
  }
  return values;
}
