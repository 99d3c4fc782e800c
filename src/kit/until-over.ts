import type { Readable } from 'node:stream';

/**
 * The pieces of a stream, until it ends or `over` fires. The stream is not destroyed then: standard input of our own process is
 * not ours to close. Rejects as the stream does.
 */
export async function* untilOver(stream: Readable, over: AbortSignal): AsyncIterable<Buffer> {
  const iterator: AsyncIterator<Buffer | string> = stream.iterator({ destroyOnReturn: false });
  let stop: () => void = () => undefined;
  const onOver = () => stop();
  over.addEventListener('abort', onOver, { once: true });
  try {
    while (!over.aborted) {
      // Not a race against one promise of the end: that would keep every piece until there is one.
      const next = await new Promise<IteratorResult<Buffer | string, unknown>>((resolve, reject) => {
        stop = () => resolve({ done: true, value: undefined });
        iterator.next().then(resolve, reject);
      });
      if (next.done === true) return;
      yield typeof next.value === 'string' ? Buffer.from(next.value) : next.value;
    }
  } finally {
    over.removeEventListener('abort', onOver);
  }
}
