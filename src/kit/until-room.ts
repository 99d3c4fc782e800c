import type { Writable } from 'node:stream';

/** Resolves when a stream that was full takes more, or takes nothing any more. Leaves no listener behind. */
export function untilRoom(stream: Writable): Promise<void> {
  const events = ['drain', 'close', 'error'];
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of events) stream.off(event, done);
      resolve();
    };
    if (stream.destroyed) done();
    else for (const event of events) stream.on(event, done);
  });
}
