import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OpenFolder } from '../../../src/kit/open-folder.js';
import { packedLayer, unpackLayer } from '../../../src/workspace/sealed/packed-layer.js';
import { builtInit, builtSupport } from '../init/support/compiled.js';
import { file, folder, gone, lines, link, opaque, Trees } from './support/trees.js';

const programs = { init: builtInit(), mark: builtSupport('test/native/workspace/support/mark.c') };
const options = { program: programs.init, signal: new AbortController().signal };

/** Everything below a folder: what it is, its permissions, how many names it has, how long it is, when it was written, where it leads. */
function facts(top: string, path = ''): Record<string, string> {
  const here = join(top, path);
  const found = lstatSync(here, { bigint: true });
  const isFolder = found.isDirectory();
  const is = [
    (Number(found.mode) & 0o177777).toString(8),
    ...(isFolder ? [] : [found.nlink, found.size]),
    found.mtimeNs,
    ...(found.isSymbolicLink() ? [readlinkSync(here)] : []),
  ];
  const below = isFolder ? readdirSync(here).map((name) => facts(top, join(path, name))) : [];
  return Object.assign({ [path]: is.join(' ') }, ...below) as Record<string, string>;
}

function contents(top: string): readonly string[] {
  const files = readdirSync(top, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => `${name} ${readFileSync(join(parentPath, name), 'utf8')}`).sort();
}

describe('a packed layer', () => {
  let trees: Trees;
  let upper: string;
  let target: string;

  beforeEach(() => {
    trees = new Trees(programs);
    upper = trees.layer.upper;
    target = join(trees.top, 'copy');
    mkdirSync(target);
  });
  afterEach(() => trees[Symbol.dispose]());

  async function packed(): Promise<Buffer> {
    await using from = await OpenFolder.at(upper);
    const pieces: Uint8Array[] = [];
    for await (const piece of packedLayer(from, options)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async function unpack(bytes: Buffer): Promise<void> {
    await using to = await OpenFolder.at(target);
    async function* pieces() {
      // In pieces of an odd size: no boundary of the stream is one of tar's.
      for (let at = 0; at < bytes.length; at += 7001) yield bytes.subarray(at, at + 7001);
      await Promise.resolve();
    }
    await unpackLayer(pieces(), to, options);
  }

  it('shows the very same changes, with its marks', async () => {
    trees.put('project', { gone: file('x'), changed: file('a'), old: folder({ below: file('b') }), kept: file('k') });
    trees.put('upper', {
      ...{ gone, changed: file('b'), old: opaque({ other: file('c') }) },
      sub: folder({ l: link('../x') }, 0o700),
    });
    const before = lines(await trees.review());
    expect(before.length).toBeGreaterThan(4);
    await unpack(await packed());
    expect(lines(await trees.ofLayer({ ...trees.layer, upper: target }))).toEqual(before);
  });

  it('has modes, times, hard links, long names, and what is closed to its owner, and leaves that closed', async () => {
    const deep = join(upper, 'n'.repeat(200), 'm'.repeat(200));
    mkdirSync(deep, { recursive: true });
    writeFileSync(join(deep, 'o'.repeat(200)), 'long');
    mkdirSync(join(upper, 'closed'));
    writeFileSync(join(upper, 'closed/in'), 'linked');
    linkSync(join(upper, 'closed/in'), join(upper, 'zz'));
    writeFileSync(join(upper, 'unreadable'), 'u');
    writeFileSync(join(upper, 'ends'), 'e'.repeat(512));
    symlinkSync('t'.repeat(300), join(upper, 'far'));
    execFileSync('mkfifo', [join(upper, 'pipe')]);
    for (const name of ['closed/in', 'ends']) utimesSync(join(upper, name), -2.5, -2.5);
    chmodSync(join(upper, 'ends'), 0o4711);
    for (const name of ['closed', 'unreadable']) chmodSync(join(upper, name), 0);
    const stream = await packed();
    expect(lstatSync(join(upper, 'closed')).mode & 0o777).toBe(0);
    expect(lstatSync(join(upper, 'unreadable')).mode & 0o777).toBe(0);
    await unpack(stream);
    for (const top of [upper, target]) chmodSync(join(top, 'closed'), 0o700);
    expect(facts(target)).toEqual(facts(upper));
    expect(statSync(join(target, 'zz')).ino).toBe(statSync(join(target, 'closed/in')).ino);
  });

  it('has holes as holes, however long', async () => {
    const huge = join(upper, 'huge');
    writeFileSync(huge, 'begin');
    truncateSync(huge, 1024 ** 4);
    execFileSync('sh', ['-c', `printf end >> ${huge}`]);
    truncateSync(huge, 2 * 1024 ** 4);
    writeFileSync(join(upper, 'empty'), '');
    truncateSync(join(upper, 'empty'), 1024 ** 3);
    const stream = await packed();
    expect(stream.length).toBeLessThan(64 * 1024);
    await unpack(stream);
    expect(facts(target)).toEqual(facts(upper));
    expect(statSync(join(target, 'huge')).blocks).toBeLessThan(100);
  });

  it('has thousands of files', async () => {
    for (let at = 0; at < 10; at++) {
      mkdirSync(join(upper, `d${at}`));
      for (let name = 0; name < 75; name++) writeFileSync(join(upper, `d${at}/${name}`), `${at}/${name}`.repeat(name));
    }
    await unpack(await packed());
    expect(facts(target)).toEqual(facts(upper));
    expect(contents(target)).toEqual(contents(upper));
  });

  it('can be taken apart by tar', async () => {
    trees.put('upper', { gone, sub: folder({ f: file('in it'), l: link('f') }) });
    const archive = join(trees.top, 'archive');
    writeFileSync(archive, await packed());
    execFileSync('tar', ['-x', '-f', archive, '-C', target]);
    expect(facts(join(target, 'upper'))).toEqual(facts(upper));
  });

  it('leaves sockets out', async () => {
    const server = createServer().listen(join(upper, 'socket'));
    try {
      await unpack(await packed());
      expect(readdirSync(target)).toEqual([]);
    } finally {
      server.close();
    }
  });

  it('is refused where it breaks off, goes on, or leads elsewhere', async () => {
    trees.put('upper', { f: file('in it'), sub: folder({ g: file('below') }) });
    const stream = await packed();
    const at = stream.indexOf('upper/sub/g');
    const named = (name: string) => {
      const bytes = Buffer.from(stream);
      const header = bytes.subarray(at, at + 512);
      header.write(name.padEnd(11, '\0'), 0, 'latin1');
      header.write('        ', 148, 'latin1');
      const sum = header.reduce((all, byte) => all + byte, 0);
      header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
      return bytes;
    };
    await unpack(named('upper/sub/h'));
    execFileSync('sh', ['-c', 'rm -rf "$1" && mkdir "$1"', 'sh', target]);
    const elsewhere = ['upper/../xg', '/upper/x/gg', 'upper/sub/', 'upper/sub/.', 'upper/f/g', 'upper', 'x/sub/g'].map(
      named,
    );
    const bad = [
      stream.subarray(0, -512),
      stream.subarray(0, 1024),
      Buffer.concat([stream, Buffer.alloc(1)]),
      ...elsewhere,
    ];
    for (const bytes of [...bad, Buffer.alloc(0)]) {
      await expect(unpack(bytes)).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' });
      execFileSync('sh', ['-c', 'rm -rf "$1" && mkdir "$1"', 'sh', target]);
    }
    await unpack(stream);
  });

  it('says that there is no program, and ends with its signal', async () => {
    await using from = await OpenFolder.at(upper);
    const run = async (more: Partial<typeof options>) => {
      for await (const piece of packedLayer(from, { ...options, ...more })) expect(piece.length).toBe(0);
    };
    await expect(run({ program: '/nowhere' })).rejects.toMatchObject({ code: 'INIT_MISSING' });
    await expect(run({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
  });
});
