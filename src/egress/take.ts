import type { Duplex } from 'node:stream';
import { deferred } from '../kit/deferred.js';

/** What was wanted never came. */
export class NothingTaken extends Error {
  readonly why: 'ended' | 'too-long';

  constructor(why: NothingTaken['why']) {
    super(`the bytes ${why === 'ended' ? 'ended early' : 'were too many'}`);
    this.why = why;
  }
}

export interface TakeOptions {
  readonly mostBytes: number;
  readonly signal: AbortSignal;
}

/**
 * Reads until `read` makes something of the bytes so far, and puts back those it did not use. Rejects with NothingTaken when they end or
 * are more than `mostBytes` before that, and with the signal's reason. `read` may throw.
 */
export function take<T>(
  stream: Duplex,
  read: (bytes: Buffer) => { readonly value: T; readonly used: number } | undefined,
  { mostBytes, signal }: TakeOptions,
): Promise<T> {
  const { promise, resolve, reject } = deferred<T>();
  const settle = () => {
    stream.off('readable', onReadable).off('end', onEnd).off('close', onEnd);
    signal.removeEventListener('abort', onAbort);
  };
  const fail = (reason: unknown) => {
    settle();
    reject(reason);
  };
  const onEnd = () => fail(new NothingTaken('ended'));
  const onAbort = () => fail(signal.reason);
  let held: Buffer = Buffer.alloc(0);
  const onReadable = () => {
    held = Buffer.concat([held, ...waitingIn(stream)]);
    try {
      const got = read(held);
      if (got !== undefined) {
        settle();
        if (got.used < held.length) stream.unshift(held.subarray(got.used));
        resolve(got.value);
      } else if (held.length > mostBytes) fail(new NothingTaken('too-long'));
    } catch (error) {
      fail(error);
    }
  };
  if (signal.aborted) onAbort();
  else if (stream.destroyed || stream.readableEnded) onEnd();
  else {
    signal.addEventListener('abort', onAbort, { once: true });
    stream.on('readable', onReadable).on('end', onEnd).on('close', onEnd);
  }
  return promise;
}

function waitingIn(stream: Duplex): readonly Buffer[] {
  const chunk = stream.read() as Buffer | null;
  return chunk === null ? [] : [chunk, ...waitingIn(stream)];
}
