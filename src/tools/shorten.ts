import type { CapturedStream } from '../kit/captured-stream.js';
import { safeText } from '../kit/safe-text.js';
import { wholeHead, wholeTail } from './whole-characters.js';

/** Most bytes of each stream, made safe, that one result shows; two of them and the frame stay under 8 kB. */
export const streamBytes = 3500;

/**
 * What is looked at of each end of a longer output. Twice what is shown of it would do, since nothing gets shorter than half: making all of
 * 8 MiB of control characters safe takes seconds, and a gigabyte.
 */
const endBytes = 4 * streamBytes;

/**
 * Output made safe for a client and cut in the middle, at whole characters, with the cut said. `dropped` counts in bytes as they would be
 * shown; of a longer output those between its ends as they came.
 */
export function shorten(stream: CapturedStream): { readonly text: string; readonly dropped: number } {
  const { totalBytes, droppedBytes } = stream;
  const keptBytes = totalBytes - droppedBytes;
  if (keptBytes <= 2 * endBytes) {
    const all = shown(stream.bytes());
    if (all.length <= streamBytes) return { text: all.toString(), dropped: droppedBytes };
    return cutOut(all, all, all.length, droppedBytes);
  }
  const ends = stream.ends(endBytes);
  const [cameFirst, cameLast] = [wholeHead(ends.head), wholeTail(ends.tail)];
  const [head, tail] = [shown(cameFirst), shown(cameLast)];
  const betweenBytes = keptBytes - cameFirst.length - cameLast.length;
  return cutOut(head, tail, head.length + betweenBytes + tail.length, droppedBytes);
}

function cutOut(head: Buffer, tail: Buffer, allBytes: number, droppedBytes: number) {
  const half = Math.floor(streamBytes / 2);
  const [first, last] = [wholeHead(head.subarray(0, half)), wholeTail(tail.subarray(-half))];
  const cut = allBytes - first.length - last.length;
  return {
    text: `${first.toString()}\n[… ${cut} bytes left out; get_command with cursor 0.0 reads all …]\n${last.toString()}`,
    dropped: droppedBytes + cut,
  };
}

function shown(bytes: Buffer): Buffer {
  return Buffer.from(safeText(bytes.toString('utf8').replaceAll('\r\n', '\n'), Number.POSITIVE_INFINITY));
}
