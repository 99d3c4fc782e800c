import { EngineError } from '../../core/errors.js';

const maxLineBytes = 1024 * 1024;

/** The lines of a stream of JSON values, each at most 1 MiB (else ENGINE_PROTOCOL); the last may lack its newline. */
export async function* jsonLines(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      parts.push(chunk.subarray(from, at));
      const line = Buffer.concat(parts).toString('utf8').trim();
      parts = [];
      size = 0;
      from = at + 1;
      if (line !== '') yield line;
    }
    parts.push(chunk.subarray(from));
    size += chunk.length - from;
    if (size > maxLineBytes) throw new EngineError('ENGINE_PROTOCOL', `a line of more than ${maxLineBytes} bytes`);
  }
  const rest = Buffer.concat(parts).toString('utf8').trim();
  if (rest !== '') yield rest;
}
