import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { untilRoom } from '../../../src/kit/until-room.js';

function full(): { readonly stream: Writable; readonly drain: () => void } {
  let drain: () => void = () => undefined;
  const stream = new Writable({
    highWaterMark: 1,
    write: (_chunk, _encoding, done) => {
      drain = done;
    },
  });
  stream.on('error', () => undefined);
  expect(stream.write('xx')).toBe(false);
  return { stream, drain: () => drain() };
}

const listeners = (stream: Writable) => ['drain', 'close', 'error'].map((event) => stream.listenerCount(event));

it.each([
  ['has room again', (one: ReturnType<typeof full>) => one.drain()],
  ['is closed', (one: ReturnType<typeof full>) => one.stream.destroy()],
  ['breaks', (one: ReturnType<typeof full>) => one.stream.destroy(new Error('gone'))],
])('ends the wait when the stream %s, and leaves no listener', async (_how, act) => {
  const one = full();
  const before = listeners(one.stream);
  const waits = Promise.all([untilRoom(one.stream), untilRoom(one.stream)]);
  act(one);
  await waits;
  expect(listeners(one.stream)).toEqual(before);
});

it('does not wait for a stream that is closed already', async () => {
  const { stream } = full();
  stream.destroy();
  await expect(untilRoom(stream)).resolves.toBeUndefined();
});
