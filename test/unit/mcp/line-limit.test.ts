import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineLimit } from '../../../src/mcp/line-limit.js';

async function through(chunks: readonly Buffer[], maxBytes: number): Promise<{ text: string; tooLong: number }> {
  let tooLong = 0;
  const limit = new LineLimit(maxBytes, () => {
    tooLong += 1;
  });
  const out: Buffer[] = [];
  for await (const chunk of Readable.from(chunks).pipe(limit)) out.push(chunk as Buffer);
  return { text: Buffer.concat(out).toString('latin1'), tooLong };
}

describe('the limit on lines', () => {
  it('passes lines up to the limit and drops longer ones whole, however the bytes are cut', async () => {
    const line = fc.string({ unit: fc.constantFrom('a', 'b', '{'), maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 8 }), fc.array(fc.nat({ max: 30 })), async (lines, cuts) => {
        const bytes = Buffer.from(lines.map((one) => `${one}\n`).join(''));
        const places = [...new Set(cuts.filter((at) => at < bytes.length))].sort((a, b) => a - b);
        const chunks = [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length));
        const short = lines.filter((one) => one.length < 10);
        expect(
          await through(
            chunks.filter((one) => one.length > 0),
            10,
          ),
        ).toEqual({
          text: short.map((one) => `${one}\n`).join(''),
          tooLong: lines.length - short.length,
        });
      }),
    );
  });

  it('tells of a line that never ends, once, and keeps none of it', async () => {
    const chunks = Array.from({ length: 50 }, () => Buffer.alloc(1000, 'x'));
    expect(await through(chunks, 5000)).toEqual({ text: '', tooLong: 1 });
  });
});
