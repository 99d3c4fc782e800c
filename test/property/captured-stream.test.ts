import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CapturedStream } from '../../src/kit/captured-stream.js';

describe('a captured stream', () => {
  it('keeps head and tail, counts the rest, and reads the same by offset, however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 }),
        fc.integer({ min: 0, max: 64 }),
        (chunks, cap) => {
          const stream = new CapturedStream(cap);
          for (const chunk of chunks) stream.write(chunk);
          const all = Buffer.concat(chunks);
          const head = Math.min(Math.ceil(cap / 2), all.length);
          const tail = Math.min(Math.floor(cap / 2), all.length - head);
          expect(stream.totalBytes).toBe(all.length);
          expect(stream.droppedBytes).toBe(all.length - head - tail);
          const seen: Buffer[] = [];
          let skipped = 0;
          for (let at = 0; at < stream.totalBytes; ) {
            const { bytes, next, skippedBytes } = stream.readFrom(at, 7);
            expect(next).toBeGreaterThan(at);
            seen.push(bytes);
            skipped += skippedBytes;
            at = next;
          }
          expect(Buffer.concat(seen)).toEqual(Buffer.concat([all.subarray(0, head), all.subarray(all.length - tail)]));
          expect(skipped).toBe(all.length - head - tail);
          const kept = stream.totalBytes - stream.droppedBytes;
          const each = Math.floor(kept / 3);
          expect(stream.ends(each).head).toEqual(all.subarray(0, each));
          expect(stream.ends(each).tail).toEqual(all.subarray(all.length - each));
        },
      ),
    );
  });

  it('says in its text how much is missing', () => {
    const stream = new CapturedStream(8);
    stream.write(Buffer.from('0123456789abcdef'));
    expect(stream.text()).toBe('0123\n[… 8 bytes left out …]\ncdef');
  });

  it('takes a million single bytes without slowing down or growing', () => {
    const stream = new CapturedStream(64 * 1024);
    const byte = Buffer.from('x');
    for (let i = 0; i < 1_000_000; i += 1) stream.write(byte);
    expect(stream.totalBytes).toBe(1_000_000);
    expect(stream.readFrom(999_990, 100).bytes.toString()).toBe('xxxxxxxxxx');
  });
});
