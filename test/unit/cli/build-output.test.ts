import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { BuildOutput } from '../../../src/cli/build-output.js';

function shown(...pieces: readonly string[]): string {
  const stream = new PassThrough({ highWaterMark: 64 * 1024 * 1024 });
  const output = new BuildOutput(stream);
  for (const piece of pieces) output.onOutput(piece);
  return (stream.read() as Buffer | null)?.toString() ?? '';
}

describe('what a build prints', () => {
  it('is shown line by line, however it comes', () => {
    expect(shown('one\ntw', 'o\n\nthree')).toBe('one\ntwo\n\n');
  });

  it('acts on no terminal', () => {
    expect(shown('\u001b[2Jcleared \u202e\n')).toBe('\\u{1b}[2Jcleared \\u{202e}\n');
  });

  it('has of a line that is written over and over the last state', () => {
    expect(shown('10%\r50%\r100%\r\n')).toBe('100%\n');
  });

  it('is cut where it never ends, line or whole', () => {
    expect(shown('x'.repeat(3000))).toMatch(/^x{1000}…\n$/);
    const flood = shown(...Array.from({ length: 600 }, () => `${'y'.repeat(9999)}\n`));
    expect(flood.length).toBeLessThan(1_000_000);
    expect(flood).toMatch(/the rest is left out\n$/);
    expect(flood.match(/left out/g)).toHaveLength(1);
  });
});
