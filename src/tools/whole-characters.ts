/** The bytes without an unfinished UTF-8 sequence at their end; what is no UTF-8 at all stays as it is. */
export function wholeHead(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (isContinuation(byte)) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    // Never nothing: a reader that pages has to get on.
    return length > back && bytes.length > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}

/** The bytes without the rest of a UTF-8 sequence at their beginning, which is at most three bytes. */
export function wholeTail(bytes: Buffer): Buffer {
  let from = 0;
  while (from < 3 && isContinuation(bytes[from] ?? 0)) from += 1;
  return isContinuation(bytes[from] ?? 0) ? bytes : bytes.subarray(from);
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}
