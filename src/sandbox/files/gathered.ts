const gatheredBytes = 256 * 1024;

/** The same bytes in pieces that are worth sending: a tree of small files would come in thousands of small ones. */
export async function* gathered(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    if (bytes === 0 && piece.length >= gatheredBytes / 2) {
      yield piece;
      continue;
    }
    held.push(piece);
    bytes += piece.length;
    if (bytes < gatheredBytes) continue;
    yield Buffer.concat(held, bytes);
    held = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(held, bytes);
}
