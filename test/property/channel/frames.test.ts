import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChannelViolation } from '../../../src/channel/errors.js';
import type { Frame } from '../../../src/channel/frame.js';
import { FrameReader } from '../../../src/channel/frame-reader.js';
import { HeldOutput } from '../../../src/channel/held-output.js';
import { LeftoverFilter } from '../../../src/channel/leftover-filter.js';
import * as from from '../../unit/channel/support/from-init.js';

const id = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const connection = fc.integer({ min: 2 ** 31, max: 2 ** 32 - 1 });
const data = fc.oneof(
  { weight: 9, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 64 }) },
  { weight: 1, arbitrary: fc.constantFrom(65_535, 65_536).map((bytes) => new Uint8Array(bytes)) },
);
const frames = fc.array(
  fc.oneof(
    fc
      .tuple(id, fc.constantFrom(1, 2), fc.maxSafeNat(), data)
      .map(([command, stream, offset, bytes]) => from.output(command, stream, offset, Buffer.from(bytes))),
    id.map((command) => from.started(command)),
    id.map((command) => from.finished(command)),
    fc.tuple(connection, data).map(([to, bytes]) => from.connectionData(to, Buffer.from(bytes))),
    connection.map((to) => from.connectionEnd(to)),
    fc.uint8Array({ maxLength: 64 }).map((payload) => from.pong(Buffer.from(payload))),
  ),
  { maxLength: 20 },
);
const cuts = fc.array(fc.nat({ max: 200_000 }), { maxLength: 30 });

/** `bytes` in pieces, cut at these places. */
function split(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [0, ...at.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}

/** What the reader makes of these chunks, which come in memory that is written over behind each, and the most that it held. */
function read(chunks: readonly Buffer[]): { readonly frames: Frame[]; readonly mostHeld: number } {
  const reader = new FrameReader();
  const all: Frame[] = [];
  let mostHeld = 0;
  for (const chunk of chunks) {
    const lent = Buffer.from(chunk);
    reader.push(lent);
    for (let frame = reader.next(); frame; frame = reader.next()) all.push(frame);
    mostHeld = Math.max(mostHeld, reader.heldBytes);
    lent.fill(0xff);
  }
  return { frames: all, mostHeld };
}

const written = ({ type, stream, id: of, payload }: Frame) => from.frame(type, of, payload, stream);

describe('the frame reader', () => {
  it('reads the same frames however their bytes are split', () => {
    fc.assert(
      fc.property(frames, cuts, (all, at) => {
        const bytes = Buffer.concat(all);
        const { frames: found } = read(split(bytes, at));
        expect(Buffer.concat(found.map(written)).equals(bytes)).toBe(true);
      }),
    );
  });

  it('reads the same frames byte by byte', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            id.map((command) => from.finished(command)),
            id.map((c) => from.credit(c, 1)),
          ),
        ),
        (all) => {
          const bytes = Buffer.concat(all);
          const { frames: found } = read([...bytes].map((byte) => Buffer.from([byte])));
          expect(Buffer.concat(found.map(written)).equals(bytes)).toBe(true);
        },
      ),
    );
  });

  it('throws nothing but violations at random bytes, and holds no more than one frame', () => {
    const header = fc
      .tuple(
        fc.integer({ min: 0x80, max: 0x91 }),
        fc.nat({ max: 3 }),
        fc.nat({ max: 70_000 }),
        fc.constantFrom(0, 1, 2 ** 31),
      )
      .map(([type, stream, length, of]) => from.frame(type, of, Buffer.alloc(length), stream));
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      header,
    );
    fc.assert(
      fc.property(fc.array(noise, { maxLength: 20 }), cuts, (pieces, at) => {
        try {
          expect(read(split(Buffer.concat(pieces), at)).mostHeld).toBeLessThanOrEqual(12 + 65_552);
        } catch (error) {
          expect(error).toBeInstanceOf(ChannelViolation);
        }
      }),
    );
  });
});

describe('the filter of leftovers', () => {
  it('passes everything from the HELLO with the nonce on, whatever comes before and however it is split', () => {
    const nonce = Buffer.from('a nonce of ours!');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 100 }), cuts, (before, after, at) => {
        const wanted = Buffer.concat([from.hello(nonce), after]);
        const filter = new LeftoverFilter(nonce);
        const passed: Buffer[] = [];
        let isOver = false;
        for (const chunk of split(Buffer.concat([before, wanted]), at)) {
          const bytes: Buffer | undefined = isOver ? chunk : filter.push(chunk);
          isOver ||= bytes !== undefined;
          passed.push(bytes ?? Buffer.alloc(0));
        }
        expect(Buffer.concat(passed).equals(wanted)).toBe(true);
      }),
    );
  });
});

describe('held output', () => {
  it('gives back what it was given, in order and at its offsets', () => {
    const chunks = fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.constantFrom(0, 0, 0, 5)), {
      maxLength: 100,
    });
    fc.assert(
      fc.property(chunks, fc.array(fc.boolean(), { maxLength: 100 }), (all, takes) => {
        const held = new HeldOutput();
        const [given, taken] = [new Map<number, number>(), new Map<number, number>()];
        const take = () => {
          const chunk = held.shift();
          for (const [i, byte] of chunk?.bytes.entries() ?? []) taken.set((chunk?.offset ?? 0) + i, byte);
          return chunk !== undefined;
        };
        let offset = 0;
        for (const [n, [bytes, gap]] of all.entries()) {
          offset += gap;
          held.push(Buffer.from(bytes), offset);
          for (const [i, byte] of bytes.entries()) given.set(offset + i, byte);
          offset += bytes.length;
          if (takes[n] === true) take();
        }
        while (take());
        expect([...taken]).toEqual([...given]);
      }),
    );
  });
});
