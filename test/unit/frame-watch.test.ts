import { describe, expect, it } from 'vitest';
import { fromInit, toInit } from '../../src/channel/protocol.js';
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

interface Carrier {
  readonly type: number;
  readonly id: number;
  readonly stream?: number;
}

const output: Carrier = { type: fromInit.FROM_INIT_OUTPUT, id: 3, stream: 1 };
const connection: Carrier = { type: toInit.TO_INIT_CONNECTION_DATA, id: 0x8000_0001 };
const carriers: Readonly<Record<string, Carrier>> = {
  output,
  connection,
  input: { type: toInit.TO_INIT_INPUT, id: 3 },
};

function frame({ type, id, stream = 0 }: Carrier, data: Uint8Array | string): Buffer {
  const said = type === fromInit.FROM_INIT_OUTPUT ? [Buffer.alloc(8, 0x20), Buffer.from(data)] : [Buffer.from(data)];
  const payload = Buffer.concat(said);
  const header = Buffer.alloc(12);
  header.writeUInt32LE(payload.length, 0);
  header.writeUInt8(type, 4);
  header.writeUInt8(stream, 5);
  header.writeUInt32LE(id, 8);
  return Buffer.concat([header, payload]);
}

function heard(...pieces: readonly Buffer[]): FrameWatch {
  const watch = new FrameWatch(['another-key', key]);
  const ear = watch.ear();
  for (const piece of pieces) ear(piece);
  return watch;
}

it.each(Object.entries(spelled))('finds a key %s in what goes by, wherever the pieces end', (_, text) => {
  const bytes = frame(output, `before ${text} after`);
  for (let at = 0; at <= bytes.length; at += 1) {
    expect(heard(bytes.subarray(0, at), bytes.subarray(at)).seen).toEqual([key]);
  }
});

describe.each(Object.entries(carriers))('in the frames of one %s', (_, carrier) => {
  it('finds a key wherever one frame ends and the next begins, also with those of others between', () => {
    const others = frame({ ...carrier, id: carrier.id + 1 }, 'of another');
    for (const text of Object.values(spelled)) {
      for (let at = 1; at < text.length; at += 1) {
        const [first, rest] = [frame(carrier, text.slice(0, at)), frame(carrier, text.slice(at))];
        expect(heard(first, rest).seen).toEqual([key]);
        expect(heard(Buffer.concat([first, others, rest])).seen).toEqual([key]);
      }
    }
  });

  it('finds a key that comes byte by byte, in frames of one byte', () => {
    const frames = [...Buffer.from(key)].map((byte) => frame(carrier, Buffer.of(byte)));
    const bytes = [...Buffer.concat(frames)].map((byte) => Buffer.of(byte));
    expect(heard(...bytes).seen).toEqual([key]);
  });
});

it('puts nothing together of what went two ways, or by two streams, and counts all', () => {
  const [first, rest] = [key.slice(0, 8), key.slice(8)];
  const watch = new FrameWatch([key]);
  const ways = [frame(output, first), frame(output, rest)];
  for (const bytes of ways) watch.ear()(bytes);
  expect(watch.seen).toEqual([]);
  expect(watch.bytes).toBe(Buffer.concat(ways).length);
  expect(heard(frame(output, first), frame({ ...output, stream: 2 }, rest)).seen).toEqual([]);
  expect(heard(frame(connection, first), frame({ ...connection, id: connection.id + 1 }, rest)).seen).toEqual([]);
});

it('says so when it can’t tell the frames apart, and does not answer that nothing was seen', () => {
  const watch = heard(Buffer.alloc(64, 0xff));
  expect(() => watch.seen).toThrow('could not be told apart');
});
