/** A stream of Node's, or one that behaves as those do. */
interface Fillable {
  readonly destroyed: boolean;
  on(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
  off(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
}

/** Resolves when a stream that was full takes more, or takes nothing any more. Leaves no listener behind. */
export function untilRoom(stream: Fillable): Promise<void> {
  const events = ['drain', 'close', 'error'] as const;
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of events) stream.off(event, done);
      resolve();
    };
    if (stream.destroyed) done();
    else for (const event of events) stream.on(event, done);
  });
}
