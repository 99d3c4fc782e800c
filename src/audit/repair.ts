import { type Repair, sha256 } from './record.js';

/**
 * How a record names the torn lines right before it: size and digest of their bytes without the newlines at either
 * end, because two writers that repair at once, or one that is cut short too, may add newlines but nothing else.
 */
export function repairOf(run: Buffer): Repair {
  let start = 0;
  let end = run.length;
  while (start < end && run[start] === 0x0a) start += 1;
  while (end > start && run[end - 1] === 0x0a) end -= 1;
  return { bytes: end - start, sha256: sha256(run.subarray(start, end)) };
}
