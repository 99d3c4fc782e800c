import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OpenFolder } from '../../../src/kit/open-folder.js';
import { unpackLayer } from '../../../src/workspace/sealed/packed-layer.js';
import { builtInit } from '../init/support/compiled.js';

const program = builtInit();
const { signal } = new AbortController();
const block = 512;

interface Entry {
  readonly type: string;
  readonly path: string;
  readonly target?: string;
  readonly content?: Buffer;
  readonly records?: Readonly<Record<string, string>>;
}

/** A stream as a packed layer is one, of whatever entries. */
function stream(entries: readonly Entry[]): Buffer {
  return Buffer.concat([...entries.map(packed), Buffer.alloc(2 * block)]);
}

function packed({ type, path, target = '', content = Buffer.alloc(0), records = {} }: Entry): Buffer {
  const all = { path, ...(target === '' ? {} : { linkpath: target }), mtime: '1.000000000', ...records };
  const text = Buffer.from(Object.entries(all).map(record).join(''), 'latin1');
  return Buffer.concat([
    header('x', 'pax', text.length),
    padded(text),
    header(type, 'x', content.length),
    padded(content),
  ]);
}

function record([key, value]: readonly [string, string]): string {
  const rest = key.length + value.length + 3;
  let length = rest + 1;
  while (rest + String(length).length !== length) length += 1;
  return `${length} ${key}=${value}\n`;
}

function header(type: string, name: string, size: number): Buffer {
  const bytes = Buffer.alloc(block);
  bytes.write(name, 0, 'latin1');
  bytes.write('0000755', 100, 'latin1');
  bytes.write(size.toString(8).padStart(11, '0'), 124, 'latin1');
  bytes.write(`        ${type}`, 148, 'latin1');
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}

const padded = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc((block - (bytes.length % block)) % block)]);

const top = { type: '5', path: 'upper' };
const folder = (path: string): Entry => ({ type: '5', path: `upper/${path}` });
const file = (path: string, content = 'in'): Entry => ({
  type: '0',
  path: `upper/${path}`,
  content: Buffer.from(content),
});
const symbolic = (path: string, target: string): Entry => ({ type: '2', path: `upper/${path}`, target });
const hard = (path: string, target: string): Entry => ({ type: '1', path: `upper/${path}`, target });
const sparse = (map: string, real: string): Entry => ({
  ...{ type: '0', path: 'upper/s', content: padded(Buffer.from(map)) },
  records: { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': real },
});

describe('a packed layer that somebody made who has the key', () => {
  let place: string;
  let outside: string;
  let target: string;
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), 'paddock-hostile-'));
    [outside, target] = [join(place, 'outside'), join(place, 'target')];
    for (const path of [outside, target]) mkdirSync(path);
    writeFileSync(join(outside, 'file'), 'mine');
  });
  afterEach(() => {
    chmodSync(target, 0o700);
    rmSync(place, { recursive: true });
  });

  async function unpack(entries: readonly Entry[]): Promise<void> {
    await using to = await OpenFolder.at(target);
    async function* pieces() {
      yield stream(entries);
      await Promise.resolve();
    }
    await unpackLayer(pieces(), to, { program, signal });
  }

  it('can be made this way at all', async () => {
    await unpack([top, folder('a'), file('a/f'), hard('l', 'upper/a/f'), symbolic('s', '../outside')]);
    expect(readdirSync(target).sort()).toEqual(['a', 'l', 's']);
    expect(readFileSync(join(target, 'l'), 'utf8')).toBe('in');
  });

  it.each<[string, (outside: string) => readonly Entry[]]>([
    ['through a link of its own', (to) => [symbolic('a', to), file('a/file', 'theirs')]],
    ['over a link of its own', (to) => [symbolic('a', join(to, 'file')), file('a', 'theirs')]],
    ['into a link in the place of a folder', (to) => [folder('a'), symbolic('b', to), folder('b'), file('b/new')]],
    ['by a hard link to what lies outside', (to) => [hard('l', join(to, 'file'))]],
    ['by a hard link through a link', (to) => [symbolic('a', to), hard('l', 'upper/a/file')]],
    ['by a hard link upwards', () => [hard('l', 'upper/../outside/file')]],
    ['by a hard link to nothing in it', () => [hard('l', 'upper/')]],
    ['upwards', () => [file('../outside/new')]],
    ['by a name with a NUL', () => [file('a\0b')]],
    ['from the top of all', (to) => [{ type: '0', path: join(to, 'new') }]],
    ['with a device', () => [{ type: '4', path: 'upper/d' }]],
    [
      'with an attribute that is not the user’s',
      () => [{ ...file('f'), records: { 'SCHILY.xattr.trusted.overlay.redirect': '/' } }],
    ],
    [
      'with an attribute that leads overlays elsewhere',
      () => [{ ...file('f'), records: { 'SCHILY.xattr.user.overlay.redirect': '/' } }],
    ],
    ['with a name that is longer than any', () => [file('n'.repeat(300))]],
    ['with folders deeper than any', () => Array.from({ length: 500 }, (_, at) => folder(`${'d/'.repeat(at)}d`))],
    ['with holes out of order', () => [sparse('2\n512\n1\n0\n1\n', '1024')]],
    ['with content behind the end of the file', () => [sparse('1\n2048\n1\n', '1024')]],
    ['with more pieces than it says there are bytes', () => [sparse('1\n0\n99999\n', '999999')]],
    ['with more pieces than there may be', () => [sparse('1048578\n', '1024')]],
    ['with no end of a number', () => [sparse('99999999999999999999999\n', '1024')]],
    ['with a second top', () => [top]],
  ])('leads nowhere else %s', async (_how, made) => {
    await expect(unpack([top, ...made(outside)])).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' });
    expect(readdirSync(place).sort()).toEqual(['outside', 'target']);
    expect(readdirSync(outside)).toEqual(['file']);
    expect(readFileSync(join(outside, 'file'), 'utf8')).toBe('mine');
  });
});
