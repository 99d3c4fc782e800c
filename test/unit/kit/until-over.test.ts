import { PassThrough, Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { untilOver } from '../../../src/kit/until-over.js';

const never = new AbortController().signal;

describe('the pieces of a stream until something is over', () => {
  it('are all of them, text as bytes', async () => {
    const got: string[] = [];
    for await (const piece of untilOver(Readable.from(['a', Buffer.from('b')]), never)) got.push(piece.toString());
    expect(got).toEqual(['a', 'b']);
  });

  it('end when it is over, while one is waited for, and the stream stays open', async () => {
    const [stream, over] = [new PassThrough(), new AbortController()];
    const pieces = untilOver(stream, over.signal)[Symbol.asyncIterator]();
    const waiting = pieces.next();
    over.abort();
    await expect(waiting).resolves.toMatchObject({ done: true });
    expect(stream.destroyed).toBe(false);
    await expect(untilOver(stream, over.signal)[Symbol.asyncIterator]().next()).resolves.toMatchObject({ done: true });
  });

  it('fail as the stream does', async () => {
    const stream = new PassThrough();
    const waiting = untilOver(stream, never)[Symbol.asyncIterator]().next();
    stream.destroy(new Error('broken'));
    await expect(waiting).rejects.toThrow('broken');
  });

  it('are not kept once they were taken', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const given: WeakRef<Buffer>[] = [];
    const pieces = untilOver(
      Readable.from(
        (function* () {
          for (;;) {
            const piece = Buffer.allocUnsafeSlow(4096);
            given.push(new WeakRef(piece));
            yield piece;
          }
        })(),
      ),
      never,
    )[Symbol.asyncIterator]();
    for (let taken = 0; taken < 200; taken += 1) await pieces.next();
    // What a WeakRef has shown stays for the rest of its turn.
    await turn();
    collect();
    expect(given.slice(0, 100).filter((piece) => piece.deref() !== undefined)).toHaveLength(0);
    await pieces.return?.();
  });
});
