import { expect, it } from 'vitest';
import { FrameWatch } from '../engine/support/frame-watch.js';

// What says that no key was in the frames of a channel has to be able to say the opposite.
const key = 'sk-test-1a2b3c4d';
const spelled = {
  'in clear': key,
  'in base64': Buffer.from(key).toString('base64'),
  'in base64 within a longer text': Buffer.from(`x${key}`).toString('base64'),
  'in hex': Buffer.from(key).toString('hex'),
  backwards: Buffer.from(key).reverse().toString(),
};

it.each(Object.entries(spelled))('finds a key %s in what goes by, wherever the pieces end', (_, text) => {
  const bytes = Buffer.from(`before ${text} after`);
  for (let at = 0; at <= bytes.length; at += 1) {
    const watch = new FrameWatch(['another-key', key]);
    const ear = watch.ear();
    ear(bytes.subarray(0, at));
    ear(bytes.subarray(at));
    expect(watch.seen).toEqual([key]);
  }
});

it('puts nothing together of what went two ways, and counts both', () => {
  const watch = new FrameWatch([key]);
  watch.ear()(Buffer.from(key.slice(0, 8)));
  watch.ear()(Buffer.from(key.slice(8)));
  expect(watch.seen).toEqual([]);
  expect(watch.bytes).toBe(key.length);
});
