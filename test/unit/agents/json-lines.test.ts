import { describe, expect, it } from 'vitest';
import { JsonLines } from '../../../src/agents/json-lines.js';

function read(lines: JsonLines, ...chunks: (string | Uint8Array)[]): object[] {
  return [...chunks.flatMap((chunk) => [...lines.push(Buffer.from(chunk as string))]), ...lines.end()];
}

describe('the reader of JSON lines', () => {
  it('gives the same objects however the stream is cut, with and without a last newline', () => {
    const text = '{"a":1}\n\n{"b":"é"}\r\n{"c":3}';
    const bytes = Buffer.from(text);
    const whole = read(new JsonLines(), bytes);
    expect(whole).toEqual([{ a: 1 }, { b: 'é' }, { c: 3 }]);
    expect(read(new JsonLines(), ...[...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(whole);
  });

  it('counts and leaves out what is no JSON, no object, or no UTF-8', () => {
    const lines = new JsonLines();
    const bytes = Buffer.concat([Buffer.from('x\n[1]\n3\nnull\n"s"\n{"a":\n'), Buffer.from([0xff, 0xfe, 0x0a])]);
    expect(read(lines, bytes, '{"ok":true}\n')).toEqual([{ ok: true }]);
    expect(lines.badLines).toBe(7);
  });

  it('drops a line over its limit whole, and goes on with the next', () => {
    const lines = new JsonLines(100);
    const long = `{"a":"${'x'.repeat(60)}`;
    expect(read(lines, long, long, long, '"}\n{"b":1}\n')).toEqual([{ b: 1 }]);
    expect([lines.longLines, lines.badLines]).toEqual([1, 0]);
  });

  it('leaves out whole lines that come too fast, with what was held of the first, and reads on when it may', () => {
    let isAllowed = true;
    const lines = new JsonLines(100, () => isAllowed);
    expect([...lines.push(Buffer.from('{"a":1}\n{"b"'))]).toEqual([{ a: 1 }]);
    isAllowed = false;
    expect([...lines.push(Buffer.from(':2}\n{"c":3}\n{"d"'))]).toEqual([]);
    isAllowed = true;
    expect(read(lines, ':4}\n{"e":5}')).toEqual([{ d: 4 }, { e: 5 }]);
    expect([lines.skippedBytes, lines.badLines, lines.longLines]).toEqual(['{"b":2}\n{"c":3}'.length, 0, 0]);
  });

  it('survives deep nesting and keys that name prototypes', () => {
    const lines = new JsonLines();
    const [object] = read(lines, `{"a":${'['.repeat(100_000)}\n`, '{"__proto__":{"polluted":1},"constructor":2}\n');
    expect(Object.keys(object ?? {})).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
