import { EngineError } from '../../core/errors.js';

const maxLineBytes = 1024 * 1024;

/**
 * The lines of a stream of JSON values, each at most 1 MiB; the last may lack its newline. A longer one is left out and `onOverlong`
 * told, or ENGINE_PROTOCOL without it.
 */
export async function* jsonLines(body: AsyncIterable<Buffer>, onOverlong?: () => void): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let size = 0;
  const take = (part: Buffer) => {
    const wasOverlong = size > maxLineBytes;
    size += part.length;
    if (size <= maxLineBytes) parts.push(part);
    else if (!wasOverlong) {
      parts = [];
      if (onOverlong === undefined)
        throw new EngineError('ENGINE_PROTOCOL', `a line of more than ${maxLineBytes} bytes`);
      onOverlong();
    }
  };
  const finished = () => {
    const line = Buffer.concat(parts).toString('utf8').trim();
    parts = [];
    size = 0;
    return line;
  };
  for await (const chunk of body) {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      take(chunk.subarray(from, at));
      from = at + 1;
      const line = finished();
      if (line !== '') yield line;
    }
    take(chunk.subarray(from));
  }
  const rest = finished();
  if (rest !== '') yield rest;
}
