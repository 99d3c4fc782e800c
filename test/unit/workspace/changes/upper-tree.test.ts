import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseUpper } from '../../../../src/workspace/changes/upper-tree.js';
import { AtOnce } from '../../support/at-once.js';

const record = (head: string, name = '', target = '') => Buffer.from(`${head}\0${name}\0${target}\0`);
const facts = '1 33188 5 7 11 -1 250000000 3 4';
const whole = Buffer.concat([
  record(`d ${facts}`),
  record(`d ${facts}`, 'sub'),
  record(`f 0 33188 5 7 11 -1 250000000 3 4`, 'file'),
  record('e -1'),
  record(`l ${facts}`, 'link', 'to/where'),
  record(`w ${facts}`, 'gone'),
  record('e 0'),
]);

describe('what paddock-init tells of a layer', () => {
  it('becomes a tree, with why a part of it is not all there', async () => {
    const top = await parseUpper(whole);
    expect(top.children.map(({ name, cut, isWhiteout }) => [String(name), cut, isWhiteout])).toEqual([
      ['sub', 'depth', false],
      ['link', undefined, false],
      ['gone', undefined, true],
    ]);
    const [sub, link] = top.children;
    expect(sub?.isOpaque).toBe(true);
    expect(String(link?.target)).toBe('to/where');
    expect(sub?.children[0]?.facts).toEqual({
      ...{ mode: 33188n, size: 5n, dev: 7n, ino: 11n, mtimeNs: -750_000_000n, ctimeNs: 3_000_000_004n },
    });
  });

  it('is read a few entries at once, so that others have their turns', async () => {
    const count = 2000;
    const entries = Array.from({ length: count }, (_, at) => record(`f ${facts}`, `f${at}`));
    const many = Buffer.concat([record(`d ${facts}`), ...entries, record('e 0')]);
    const seen = new AtOnce();
    expect((await seen.during(() => parseUpper(many))).children).toHaveLength(count);
    expect(seen.turns).toBeGreaterThan(count / 10);
    await expect(seen.during(() => parseUpper(many, AbortSignal.abort(new Error('gone'))))).rejects.toThrow('gone');
  });

  it('is believed whole or not at all: wherever it breaks off, that is an error', async () => {
    for (let length = 0; length < whole.length; length += 1) {
      await expect(parseUpper(whole.subarray(0, length)), String(length)).rejects.toThrow(Error);
    }
    await expect(parseUpper(Buffer.concat([whole, record('e 0')]))).rejects.toThrow('had not begun');
    await expect(parseUpper(Buffer.concat([whole, whole]))).rejects.toThrow('beside');
  });

  it('is never taken for something else when it is noise', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (noise) => {
        await expect(parseUpper(Buffer.from(noise))).rejects.toThrow(Error);
      }),
    );
  });
});
