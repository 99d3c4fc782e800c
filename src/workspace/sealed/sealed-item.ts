import { sealedUnreadable } from './sealed-file.js';

const block = 512;
/** What the file is called that a person finds beside the folder who takes the stream apart with tar. */
const labelName = 'paddock.json';
const mostLabelBytes = 64 * 1024;

/** What a stream is of, as its first entry: authentic like the rest, so that no item can be put in another's place. */
export async function* labelled(
  label: string,
  packed: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const text = Buffer.from(label);
  if (text.length > mostLabelBytes) throw new RangeError('a label of that length is never read back');
  yield Buffer.concat([headerOf(text.length), text, Buffer.alloc((block - (text.length % block)) % block)]);
  yield* packed;
}

/** What is behind the label, where that is the expected one. Errors: SEALED_UNREADABLE, those of `stream`. */
export async function* behindLabel(
  label: string,
  stream: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const text = Buffer.from(label);
  const head = Buffer.concat([headerOf(text.length), text]);
  const padded = Math.ceil(head.length / block) * block;
  let first: Uint8Array | undefined = Buffer.alloc(0);
  for await (const piece of stream) {
    if (first === undefined) {
      yield piece;
      continue;
    }
    first = Buffer.concat([first, piece]);
    if (first.length < padded) continue;
    // Byte by byte, so that nothing in it has to be understood.
    if (!head.equals(first.subarray(0, head.length))) break;
    yield first.subarray(padded);
    first = undefined;
  }
  if (first !== undefined) throw sealedUnreadable('it belongs to something else than where it lies');
}

/** Of a regular file, as tar has it. */
function headerOf(length: number): Buffer {
  const header = Buffer.alloc(block);
  const put = (text: string, at: number) => header.write(text, at, 'latin1');
  put(labelName, 0);
  put('0000600\0', 100);
  put('0000000\0', 108);
  put('0000000\0', 116);
  put(`${length.toString(8).padStart(11, '0')}\0`, 124);
  put('00000000000\0', 136);
  put('        0', 148);
  put('ustar\x0000', 257);
  const sum = header.reduce((all, byte) => all + byte, 0);
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}
