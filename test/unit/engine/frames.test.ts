import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader, maxFrameBytes } from '../../../src/engine/transport/frames.js';

function frame(stream: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

function read(chunks: readonly Buffer[]) {
  const reader = new FrameReader();
  const out: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
  for (const chunk of chunks) for (const slice of reader.push(chunk)) out[slice.stream].push(slice.bytes);
  return { stdout: Buffer.concat(out.stdout), stderr: Buffer.concat(out.stderr), isAtBoundary: reader.isAtBoundary };
}

describe('FrameReader', () => {
  it('gives every byte to its stream in order, wherever the chunks are split', () => {
    const frames = fc.array(fc.tuple(fc.constantFrom(0, 1, 2), fc.uint8Array({ maxLength: 40 })), { maxLength: 20 });
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 17 }), { minLength: 1, maxLength: 30 }), (list, sizes) => {
        const wire = Buffer.concat(list.map(([stream, bytes]) => frame(stream, Buffer.from(bytes))));
        const chunks: Buffer[] = [];
        for (let at = 0, turn = 0; at < wire.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          chunks.push(wire.subarray(at, at + size));
          at += size;
        }
        const wanted = (isStderr: boolean) =>
          Buffer.concat(list.filter(([stream]) => (stream === 2) === isStderr).map(([, bytes]) => Buffer.from(bytes)));
        const got = read(chunks);
        expect(got.isAtBoundary).toBe(true);
        expect(got.stdout.equals(wanted(false))).toBe(true);
        expect(got.stderr.equals(wanted(true))).toBe(true);
      }),
    );
  });

  it('knows at every offset whether a frame is incomplete', () => {
    const wire = Buffer.concat([frame(1, Buffer.from('ab')), frame(2, Buffer.from('c'))]);
    const boundaries = Array.from({ length: wire.length + 1 }, (_, end) => end).filter(
      (end) => read([wire.subarray(0, end)]).isAtBoundary,
    );
    expect(boundaries).toEqual([0, 10, 19]);
  });

  it('hands on the payload of a large frame as it comes, without collecting it', () => {
    const reader = new FrameReader();
    const header = frame(1, Buffer.alloc(0));
    header.writeUInt32BE(maxFrameBytes, 4);
    expect([...reader.push(header)]).toEqual([]);
    const [slice] = [...reader.push(Buffer.from('xyz'))];
    expect(slice?.bytes.toString()).toBe('xyz');
    expect(reader.isAtBoundary).toBe(false);
  });

  it.each([
    ['an unknown stream', Buffer.from([3, 0, 0, 0, 0, 0, 0, 1])],
    ['padding that is not zero', Buffer.from([1, 0, 1, 0, 0, 0, 0, 1])],
    ['a length above the limit', Buffer.from([1, 0, 0, 0, 1, 0, 0, 1])],
    ['text', Buffer.from('HTTP/1.1 200 OK')],
  ])('refuses %s', (_what, bytes) => {
    expect(() => read([bytes])).toThrow(expect.objectContaining({ code: 'ENGINE_PROTOCOL' }));
  });
});
