import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OpenFolder } from '../../../src/kit/open-folder.js';
import { type CopyOptions, copyLayer } from '../../../src/workspace/copy-layer.js';
import { builtInit, builtSupport } from '../init/support/compiled.js';
import { file, folder, gone, lines, link, opaque, Trees } from './support/trees.js';

const programs = { init: builtInit(), mark: builtSupport('test/native/workspace/support/mark.c') };
const mib = 1024 ** 2;

describe('a copy of what a session has written', () => {
  let trees: Trees;
  let target: string;

  beforeEach(() => {
    trees = new Trees(programs);
    target = join(trees.top, 'copy');
    mkdirSync(target);
  });
  afterEach(() => trees[Symbol.dispose]());

  async function copy(options: Partial<CopyOptions> = {}) {
    await using from = await OpenFolder.at(trees.layer.upper);
    await using to = await OpenFolder.at(target);
    const { init: program } = programs;
    return await copyLayer(from, to, {
      program,
      mostBytes: 8 * mib,
      mostEntries: 1000,
      signal: new AbortController().signal,
      ...options,
    });
  }

  it('shows the very same changes', async () => {
    trees.put('project', {
      ...{ gone: file('x'), changed: file('a'), mode: file('m'), old: folder({ below: file('b') }), kept: file('k') },
    });
    trees.put('upper', {
      ...{
        gone,
        changed: file('b'),
        mode: file('m', 0o755),
        old: opaque({ other: file('c') }),
        sub: folder({ l: link('../x') }, 0o700),
      },
    });
    const before = lines(await trees.review());
    expect(before.length).toBeGreaterThan(6);
    expect(await copy()).toMatchObject({ entries: 7, leftOut: 0 });
    expect(lines(await trees.ofLayer({ ...trees.layer, upper: target }))).toEqual(before);
  });

  it('has modes and times, and holes as holes', async () => {
    const upper = trees.layer.upper;
    mkdirSync(join(upper, 'sub'));
    writeFileSync(join(upper, 'sub/run'), 'x');
    chmodSync(join(upper, 'sub/run'), 0o4711);
    writeFileSync(join(upper, 'huge'), 'begin');
    truncateSync(join(upper, 'huge'), (64 * 1024 ** 4) / 64);
    const long = new Date('2001-02-03T04:05:06Z');
    for (const name of ['sub/run', 'huge', 'sub']) utimesSync(join(upper, name), long, long);
    await copy();
    expect(statSync(join(target, 'sub/run')).mode & 0o7777).toBe(0o4711);
    for (const name of ['sub/run', 'huge', 'sub']) expect(statSync(join(target, name)).mtime).toEqual(long);
    const { size, blocks } = statSync(join(target, 'huge'));
    expect(size).toBe(1024 ** 4);
    expect(blocks).toBeLessThan(64);
  });

  it('says how far it is while it goes on', async () => {
    await using from = await OpenFolder.at(trees.layer.upper);
    await using to = await OpenFolder.at(target);
    trees.put('upper', { one: file('one'), two: file('two') });
    const args = ['--copy-layer', '8', '1000000', 'chosen'];
    const child = spawn(programs.init, args, { stdio: ['pipe', 'pipe', 'ignore', from.fd, to.fd] });
    const exited = once(child, 'close');
    const [stdin, stdout] = [child.stdin as Writable, child.stdout as Readable];
    const told = createInterface({ input: stdout })[Symbol.asyncIterator]();
    stdin.write('cone\0');
    // It looks at its clock at each step.
    const steps = setInterval(() => stdin.write('cmissing\0'), 20);
    expect((await told.next()).value).toMatch(/^at \d+ 3$/);
    clearInterval(steps);
    stdin.end('ctwo\0e\0');
    expect((await told.next()).value).toMatch(/^(?:at|ok) \d+ 6(?: 0)?$/);
    await exited;
  });

  it('passes on how far it is, whatever else is said with it', async () => {
    const program = join(trees.top, 'program');
    const said = 'at 3 4096\\nat 4 5000\\nok 5 8192 1';
    writeFileSync(program, `#!/bin/sh\nprintf '${said}\\n'\n`, { mode: 0o755 });
    const soFar: unknown[] = [];
    const copied = await copy({ program, onProgress: (far) => soFar.push(far) });
    expect(copied).toEqual({ entries: 5, bytes: 8192, leftOut: 1 });
    expect(soFar).toEqual([{ entries: 4, bytes: 5000 }]);
  });

  it('follows no link, waits for no FIFO, and says how many sockets and devices it left out', async () => {
    symlinkSync('/etc', join(trees.layer.upper, 'out'));
    symlinkSync('/etc/passwd', join(trees.layer.upper, 'file'));
    execFileSync('mkfifo', [join(trees.layer.upper, 'pipe')]);
    const server = createServer().listen(join(trees.layer.upper, 's'));
    await once(server, 'listening');
    const copied = await copy();
    server.close();
    expect(copied).toEqual({ entries: 4, bytes: 0, leftOut: 1 });
    expect(readlinkSync(join(target, 'out'))).toBe('/etc');
    expect(readlinkSync(join(target, 'file'))).toBe('/etc/passwd');
    expect(lstatSync(join(target, 'pipe')).isFIFO()).toBe(true);
    expect(existsSync(join(target, 's'))).toBe(false);
  });

  it.each([
    [
      'more content than it may',
      () => writeFileSync(join(trees.layer.upper, 'big'), Buffer.alloc(3 * mib, 1)),
      { mostBytes: 2 * mib },
    ],
    [
      'more entries than it may',
      () => [1, 2, 3].map((n) => writeFileSync(join(trees.layer.upper, `f${n}`), '')),
      { mostEntries: 2 },
    ],
    [
      'folders too deep in each other',
      () => mkdirSync(join(trees.layer.upper, ...Array<string>(450).fill('d')), { recursive: true }),
      {},
    ],
  ])('fails with %s', async (_what, make, options) => {
    make();
    await expect(copy(options)).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' });
  });

  it('fails without the program, and when it is broken off', async () => {
    await expect(copy({ program: '/nowhere/paddock-init' })).rejects.toMatchObject({ code: 'INIT_MISSING' });
    await expect(copy({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
  });
});
