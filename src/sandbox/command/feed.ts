import type { Readable } from 'node:stream';
import type { ExecRequest } from '../../core/exec.js';
import { untilOver } from '../../kit/until-over.js';
import type { CommandOptions } from './command.js';

/** Where a command's input goes: `write` resolves when the next piece may come. */
export interface InputTarget {
  write(chunk: Buffer): Promise<void>;
  end(): void;
}

const pieceBytes = 64 * 1024;

/** Whether the command is given any input at all; without, it finds its standard input at its end. */
export function hasInput(request: ExecRequest, options: CommandOptions): boolean {
  return request.stdin !== undefined || options.stdin !== undefined;
}

/**
 * Gives a command its input, from the stream or the request, until it is all there or `isOver` (a command that ends without
 * reading its input is no error). What the stream still holds is left to its owner.
 */
export async function feed(
  target: InputTarget,
  request: ExecRequest,
  options: CommandOptions,
  over: AbortSignal,
): Promise<void> {
  try {
    for await (const piece of pieces(request, options.stdin, over)) {
      if (over.aborted) return;
      await target.write(piece);
    }
    if (!over.aborted) target.end();
  } catch {
    // The command has ended, or its input stream was destroyed: it gets no more, and its result says how it went.
    if (!over.aborted) target.end();
  }
}

async function* pieces(request: ExecRequest, stream: Readable | undefined, over: AbortSignal): AsyncIterable<Buffer> {
  if (stream === undefined) {
    const { stdin = '' } = request;
    yield* cut(
      typeof stdin === 'string' ? Buffer.from(stdin) : Buffer.from(stdin.buffer, stdin.byteOffset, stdin.byteLength),
    );
    return;
  }
  for await (const chunk of untilOver(stream, over)) yield* cut(chunk);
}

function* cut(bytes: Buffer): Iterable<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}
