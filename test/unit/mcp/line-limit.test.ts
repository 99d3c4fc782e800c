import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StructureCount } from '../../../src/kit/structure-count.js';
import { LineLimit } from '../../../src/mcp/line-limit.js';
import { usualMessageBounds } from '../../../src/mcp/message-size.js';
import { execLimits } from '../../../src/policy/exec.js';
import { maxEnvEntries } from '../../../src/policy/names.js';

async function through(
  chunks: readonly Buffer[],
  bytes: number,
  items = Number.POSITIVE_INFINITY,
): Promise<{ text: string; tooLong: number; tooMany: number; named: number }> {
  const dropped = { bytes: 0, items: 0, nameBytes: 0 };
  const limit = new LineLimit({ bytes, items, nameBytes: 50 }, (what) => {
    dropped[what] += 1;
  });
  const out: Buffer[] = [];
  for await (const chunk of Readable.from(chunks).pipe(limit)) out.push(chunk as Buffer);
  return {
    text: Buffer.concat(out).toString('latin1'),
    tooLong: dropped.bytes,
    tooMany: dropped.items,
    named: dropped.nameBytes,
  };
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
          tooMany: 0,
          named: 0,
        });
      }),
    );
  });

  it('tells of a line that never ends, once, and keeps none of it', async () => {
    const chunks = Array.from({ length: 50 }, () => Buffer.alloc(1000, 'x'));
    expect(await through(chunks, 5000)).toEqual({ text: '', tooLong: 1, tooMany: 0, named: 0 });
  });

  it('drops a line of many small items before anything parses it, and counts each line anew', async () => {
    const few = `{"a":[1,2],"b":"[,[,[,"}\n`;
    const many = `{${'"a":0,'.repeat(20)}"b":0}\n`;
    const bytes = Buffer.from(few + many + few.repeat(10));
    for (const size of [1, 7, bytes.length]) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
        bytes.subarray(at * size, (at + 1) * size),
      );
      expect(await through(chunks, 1000, 20)).toEqual({ text: few.repeat(11), tooLong: 0, tooMany: 1, named: 0 });
    }
  });

  it('drops a line whose names are long, all together, and not one whose texts are', async () => {
    const fine = `{"${'a'.repeat(50)}":"${'b'.repeat(400)}"}\n`;
    const [one, many] = [`{"${'a'.repeat(51)}":0}\n`, `{${'"abcdef":0,'.repeat(9)}"b":0}\n`];
    expect(await through([Buffer.from(fine + one + fine + many + fine)], 1000)).toEqual({
      ...{ text: fine.repeat(3), tooLong: 0, tooMany: 0, named: 2 },
    });
  });

  it('has room for the largest command there may be', () => {
    const env = Object.fromEntries(Array.from({ length: maxEnvEntries }, (_, index) => [`A${index}`, '']));
    const args = { argv: Array.from({ length: execLimits.argvEntries }, () => 'a'), env, sessionId: 'x', cwd: '/' };
    const structure = new StructureCount();
    structure.push(Buffer.from(JSON.stringify({ method: 'tools/call', params: { name: 'x', arguments: args } })));
    expect(structure.count).toBeLessThan(usualMessageBounds.items / 2);
    expect(maxEnvEntries * 256).toBeLessThan(usualMessageBounds.nameBytes / 2);
  });
});
