import type { Readable } from 'node:stream';

/**
 * The pieces of a stream, until it ends or `over` fires. The stream is not destroyed then: standard input of our own process is
 * not ours to close. Rejects as the stream does.
 */
export async function* untilOver(stream: Readable, over: AbortSignal): AsyncIterable<Buffer> {
  const iterator = stream.iterator({ destroyOnReturn: false });
  const ended = new Promise<{ readonly done: true; readonly value: undefined }>((resolve) => {
    const stop = () => resolve({ done: true, value: undefined });
    if (over.aborted) stop();
    else over.addEventListener('abort', stop, { once: true });
  });
  for (;;) {
    const next = await Promise.race([iterator.next(), ended]);
    if (next.done === true) return;
    yield Buffer.from(next.value as Buffer | string);
  }
}
