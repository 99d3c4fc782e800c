import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { filled, wholeOf } from '../../../../src/sandbox/files/entry-content.js';
import { Tally } from '../../../../src/sandbox/files/tally.js';

describe('the content of an entry', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'entry-content-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const chunks = Array.from({ length: 60 }, (_, at) => Buffer.alloc((at * 7919) % 40_000, at));
  const all = Buffer.concat(chunks);
  const entry = (sizeBytes = all.length) => ({
    ...({ names: ['a'], kind: 'file', mode: 0o644, mtimeMs: 5000, target: '' } as const),
    ...{ sizeBytes, content: Readable.from(chunks) },
  });

  it('is written whole, in order and with its time, however it is cut', async () => {
    const path = join(folder, 'a');
    const sha256 = await filled(await open(path, 'wx'), entry(), new Tally());
    expect(readFileSync(path).equals(all)).toBe(true);
    expect([sha256, statSync(path).mtimeMs]).toEqual([createHash('sha256').update(all).digest('hex'), 5000]);
  });

  it('is none when the archive breaks off in its midst', async () => {
    await expect(filled(await open(join(folder, 'a'), 'wx'), entry(all.length + 1), new Tally())).rejects.toThrow(
      'breaks off',
    );
    await expect(wholeOf(entry(all.length + 1))).rejects.toThrow('breaks off');
    expect((await wholeOf(entry())).equals(all)).toBe(true);
  });

  it('is taken as far as it is at hand, and waited for only where that is not all', async () => {
    const pieces = [...chunks];
    const content = {
      read: () => pieces.shift() ?? null,
      async *[Symbol.asyncIterator]() {
        yield await Promise.resolve(Buffer.from('late'));
      },
    };
    const late = Buffer.from('late');
    expect((await wholeOf({ ...entry(all.length + 4), content })).equals(Buffer.concat([all, late]))).toBe(true);
    pieces.push(...chunks);
    expect((await wholeOf({ ...entry(), content })).equals(all)).toBe(true);
  });

  it('tells that it could not be written, and leaves no file open', async () => {
    writeFileSync(join(folder, 'a'), '');
    const file = await open(join(folder, 'a'), 'r');
    await expect(filled(file, entry(), new Tally())).rejects.toMatchObject({ code: 'EBADF' });
    expect(file.fd).toBe(-1);
  });
});
