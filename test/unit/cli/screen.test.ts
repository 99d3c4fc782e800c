import type { ReadStream, WriteStream } from 'node:tty';
import { describe, expect, it } from 'vitest';
import { screenOf } from '../../../src/cli/screen.js';

const input = { isTTY: true } as unknown as ReadStream;
const screen = (size: { rows?: number; columns?: number }) =>
  screenOf(input, { isTTY: true, ...size } as unknown as WriteStream);

describe('the terminal of this process', () => {
  it('has the size that it tells', () => {
    expect(screen({ rows: 33, columns: 101 })?.size()).toEqual({ rows: 33, columns: 101 });
  });

  it.each([{ rows: 0, columns: 0 }, {}])(
    'counts as 24 by 80 where it tells %j, since nothing can have no size',
    (size) => {
      expect(screen(size)?.size()).toEqual({ rows: 24, columns: 80 });
    },
  );

  it('is none when only one side is a terminal', () => {
    expect(screenOf(input, { isTTY: false } as unknown as WriteStream)).toBeUndefined();
  });
});
