import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { codeOf } from '../../support/code-of.js';
import { builtInit } from '../init/support/compiled.js';
import { Ground, treeOf } from './support/ground.js';
import { runInitIn } from './support/run-init.js';

const program = builtInit();

describe('a transfer between a host and a sandbox', () => {
  let ground: Ground;
  beforeEach(() => {
    ground = new Ground();
  });
  afterEach(() => ground[Symbol.dispose]());

  const context = { signal: new AbortController().signal };
  const subject = () => ({ sessionId: 'pdk_aaaaaaaaaaaaaaaaaaaa', run: runInitIn(ground.inside, program) });
  const host = (path: string) => (path === '' ? ground.host : join(ground.host, path));
  const request = (path: string, hostPath: string, more: object = {}) => ({
    ...{ path, hostPath: `${ground.host}/${hostPath}`, overwrite: false, named: [] as string[] },
    ...more,
  });
  const out = (path: string, hostPath: string, more: object = {}) =>
    ground.transfers().out(subject(), request(path, hostPath, more), context);
  const put = (hostPath: string, path: string, more: object = {}) =>
    ground.transfers().in(subject(), request(path, hostPath, more), context);

  const long = `${'l'.repeat(120)}/${'m'.repeat(140)}`;
  function plant(folder: string): void {
    mkdirSync(join(folder, 'tree/sub/deep'), { recursive: true });
    mkdirSync(join(folder, 'tree', long), { recursive: true });
    writeFileSync(join(folder, 'tree/a.txt'), 'one\n', { mode: 0o644 });
    writeFileSync(join(folder, 'tree/run.sh'), '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(join(folder, 'tree/sub/ünï'), 'x'.repeat(70_000), { mode: 0o600 });
    writeFileSync(join(folder, 'tree', long, 'f'), 'far', { mode: 0o644 });
    writeFileSync(join(folder, 'tree/empty'), '', { mode: 0o644 });
    symlinkSync('../a.txt', join(folder, 'tree/sub/link'));
    symlinkSync(`${'l'.repeat(120)}/${'m'.repeat(140)}/f`, join(folder, 'tree/far'));
  }

  it('takes a tree there and back, byte by byte', async () => {
    plant(ground.host);
    const before = treeOf(host(''));
    const sent = await put('tree', '.');
    expect(sent).toMatchObject({ direction: 'in', leftOut: [], moreLeftOut: 0, entries: 12, bytes: 70_017 });
    expect(treeOf(ground.inside)).toEqual(before);
    mkdirSync(host('back'));
    const got = await out('tree', 'back');
    expect(got).toMatchObject({ leftOut: [], entries: 12, bytes: 70_017, hostPath: host('back/tree') });
    expect(treeOf(host('back'))).toEqual(before);
    expect(statSync(host('back/tree/a.txt')).mtimeMs / 1000).toBeCloseTo(
      Math.floor(statSync(host('tree/a.txt')).mtimeMs / 1000),
      3,
    );
    expect(ground.audit.lines).toEqual(Array.from({ length: 2 }, () => 'files.transfer pdk_aaaaaaaaaaaaaaaaaaaa ok'));
  });

  it('goes where cp would go: into a folder that is there, under a new name, or with its content alone', async () => {
    plant(ground.inside);
    await out('tree', 'new');
    expect(readFileSync(host('new/a.txt'), 'utf8')).toBe('one\n');
    await out('tree', 'new', { overwrite: true });
    expect(existsSync(host('new/tree/a.txt'))).toBe(true);
    mkdirSync(host('flat'));
    await out('tree/.', 'flat');
    expect(existsSync(host('flat/a.txt'))).toBe(true);
    await out('tree/a.txt', 'flat/b.txt');
    expect(readFileSync(host('flat/b.txt'), 'utf8')).toBe('one\n');
    await out('tree/run.sh', 'flat/sub');
    expect(statSync(host('flat/sub/run.sh')).mode & 0o777).toBe(0o755);

    mkdirSync(join(ground.inside, 'there'));
    await put('new', 'there');
    expect(existsSync(join(ground.inside, 'there/new/a.txt'))).toBe(true);
    await put('new/.', 'there');
    expect(existsSync(join(ground.inside, 'there/a.txt'))).toBe(true);
    await put('new', 'other');
    expect(existsSync(join(ground.inside, 'other/a.txt'))).toBe(true);
    await put('new/a.txt', 'renamed');
    expect(readFileSync(join(ground.inside, 'renamed'), 'utf8')).toBe('one\n');
  });

  it('is refused with a reason where cp would refuse', async () => {
    plant(ground.inside);
    writeFileSync(host('file'), 'of-the-host');
    mkdirSync(host('folder'));
    execFileSync('mkfifo', [join(ground.inside, 'pipe')]);
    expect(
      await Promise.all([
        codeOf(out('missing', 'x')),
        codeOf(out('pipe', 'x')),
        codeOf(out('tree', 'missing/x')),
        codeOf(out('tree', 'file')),
        codeOf(out('tree/a.txt', 'file')),
        codeOf(out('tree/a.txt', 'new/')),
        codeOf(out('/', 'folder')),
        codeOf(put('missing', '.')),
        codeOf(put('folder', 'tree/a.txt')),
        codeOf(put('file', 'tree/a.txt')),
        codeOf(put('file', 'nothing/')),
        codeOf(put('file', 'nothing/x')),
        codeOf(put('file/', '.')),
      ]),
    ).toEqual([
      ...['NO_SUCH_FILE', 'FILE_KIND', 'BAD_ARGUMENT', 'FILE_KIND', 'FILE_EXISTS', 'FILE_KIND', 'BAD_ARGUMENT'],
      ...['BAD_ARGUMENT', 'FILE_KIND', 'FILE_EXISTS', 'FILE_KIND', 'NO_SUCH_FILE', 'BAD_ARGUMENT'],
    ]);
    expect(readFileSync(host('file'), 'utf8')).toBe('of-the-host');
    expect(readdirSync(host('')).sort()).toEqual(['file', 'folder']);
    expect(Object.keys(treeOf(ground.inside)).filter((name) => name.includes('.paddock'))).toEqual([]);
  });

  it('keeps what is there, unless it is to be replaced, and says so', async () => {
    plant(ground.inside);
    mkdirSync(host('tree'));
    writeFileSync(host('tree/a.txt'), 'mine');
    expect((await out('tree', '')).leftOut).toEqual([{ path: 'a.txt', why: 'exists' }]);
    expect(readFileSync(host('tree/a.txt'), 'utf8')).toBe('mine');
    expect((await out('tree', '', { overwrite: true })).leftOut).toEqual([]);
    expect(readFileSync(host('tree/a.txt'), 'utf8')).toBe('one\n');
    writeFileSync(host('tree/a.txt'), 'new');
    expect((await put('tree', '.')).leftOut.map(({ why }) => why)).toEqual(Array.from({ length: 7 }, () => 'exists'));
    expect(readFileSync(join(ground.inside, 'tree/a.txt'), 'utf8')).toBe('one\n');
    expect((await put('tree', '.', { overwrite: true })).leftOut).toEqual([]);
    expect(readFileSync(join(ground.inside, 'tree/a.txt'), 'utf8')).toBe('new');
  });

  it('brings no set-user-ID, no rights for others to write, no FIFO, and no link that leads out, either way', async () => {
    for (const folder of [ground.inside, ground.host]) {
      const tree = join(folder, 't');
      mkdirSync(join(tree, 'd'), { recursive: true });
      writeFileSync(join(tree, 'suid'), 'x');
      chmodSync(join(tree, 'suid'), 0o4777);
      execFileSync('mkfifo', [join(tree, 'pipe')]);
      symlinkSync('/etc/passwd', join(tree, 'absolute'));
      symlinkSync('../../x', join(tree, 'd/up'));
      symlinkSync('..', join(tree, 'd/top'));
      symlinkSync('d/top/../y', join(tree, 'through'));
    }
    const left = [
      { path: 'absolute', why: 'link-out' },
      { path: 'd/up', why: 'link-out' },
      { path: 'pipe', why: 'kind' },
      { path: 'through', why: 'link-out' },
    ];
    const byPath = (report: { readonly leftOut: readonly { readonly path: string; readonly why: string }[] }) =>
      [...report.leftOut].sort((a, b) => a.path.localeCompare(b.path));
    expect(byPath(await out('t', 'got'))).toEqual(left);
    expect(treeOf(host('got'))).toEqual({ 'd/': '', 'd/top': '-> ..', suid: '755 x' });
    expect(byPath(await put('t', 'got'))).toEqual(left);
    expect(treeOf(join(ground.inside, 'got'))).toEqual({ 'd/': '', 'd/top': '-> ..', suid: '777 x' });
  });

  it('counts a hole as what it is long, and stops at its bounds', async () => {
    mkdirSync(join(ground.inside, 't'));
    writeFileSync(join(ground.inside, 't/a'), 'small');
    writeFileSync(join(ground.inside, 't/hole'), '');
    truncateSync(join(ground.inside, 't/hole'), 1024 ** 4);
    expect((await out('t', 'x')).leftOut).toEqual([{ path: 'hole', why: 'size' }]);
    expect(await codeOf(out('t/hole', 'y'))).toBe('LIMIT_REACHED');
    const bounds = { entries: 2, bytes: 100 };
    writeFileSync(join(ground.inside, 't/b'), 'small');
    const cut = await ground.transfers({ bounds }).out(subject(), request('t', 'z'), context);
    expect(cut.leftOut.map(({ why }) => why)).toContain('count');
    const source = host('x');
    truncateSync(join(source, 'a'), 101);
    expect((await ground.transfers({ bounds }).in(subject(), request('n', 'x'), context)).leftOut).toEqual([
      { path: 'a', why: 'size' },
    ]);
  });

  it('leaves out names that are no text or act on a terminal, and says them so that they can be read', async () => {
    mkdirSync(join(ground.inside, 't'));
    writeFileSync(Buffer.from(join(ground.inside, 't/bad\xff'), 'latin1'), 'x');
    writeFileSync(join(ground.inside, 't/esc\x1b[2J'), 'x');
    writeFileSync(join(ground.inside, 't/rtl\u202e'), 'x');
    const { leftOut } = await out('t', 'got');
    expect(leftOut.map(({ why }) => why)).toEqual(['name', 'name', 'name']);
    expect(readdirSync(host('got'))).toEqual([]);
    writeFileSync(Buffer.from(join(host('got'), 'bad\xff'), 'latin1'), 'x');
    expect((await put('got', 'n')).leftOut).toMatchObject([{ why: 'name' }]);
  });

  it('withholds what the host would run, until it is named by its own path', async () => {
    mkdirSync(join(ground.inside, 'p/.git/hooks'), { recursive: true });
    writeFileSync(join(ground.inside, 'p/.git/hooks/pre-commit'), 'evil');
    writeFileSync(join(ground.inside, 'p/Makefile'), 'all:');
    writeFileSync(join(ground.inside, 'p/package.json'), '{"scripts":{"test":"evil"}}');
    writeFileSync(join(ground.inside, 'p/src'), 'fine');
    const first = await out('p', 'p');
    expect([...first.leftOut].sort((a, b) => a.path.localeCompare(b.path))).toEqual([
      { path: '.git', why: 'withheld.git' },
      { path: 'Makefile', why: 'withheld.build' },
      { path: 'package.json', why: 'withheld.package-json' },
    ]);
    expect(first.moreLeftOut).toBe(2);
    expect(treeOf(host(''))).toEqual({ 'p/': '', 'p/src': '644 fine' });
    const second = await out('p/.', 'p', { overwrite: true, named: ['Makefile', '.git', './.git/hooks/pre-commit'] });
    expect(second.leftOut.map(({ why }) => why).sort()).toEqual([
      'names-nothing',
      'withheld.git',
      'withheld.package-json',
    ]);
    expect(await codeOf(put('p', '.', { named: ['src'] }))).toBe('BAD_ARGUMENT');
    expect(readFileSync(host('p/.git/hooks/pre-commit'), 'utf8')).toBe('evil');
    await expect(out('p/src', 'p/.git/hooks')).rejects.toMatchObject({ code: 'POLICY_DENIED', ruleId: 'withheld.git' });
    expect(await codeOf(out('p/src', 'p/.git/hooks/post-commit'))).toBe('ok');
    expect(await codeOf(out('p', 'p/.vscode'))).toBe('POLICY_DENIED');
    expect(existsSync(host('p/.vscode'))).toBe(false);
  });

  it('goes through streams of plain tar, and reads what tar writes', async () => {
    plant(ground.host);
    execFileSync('ln', [host('tree/a.txt'), host('tree/hard')]);
    for (const format of ['ustar', 'pax', 'gnu']) {
      const archive = execFileSync('tar', [
        '-C',
        ground.host,
        `--format=${format === 'ustar' ? 'pax' : format}`,
        '-c',
        'tree',
      ]);
      const call = { path: '.', overwrite: true, named: [] };
      const report = await ground.transfers().fromStream(subject(), Readable.from([archive]), call, context);
      expect(report.leftOut.map(({ why }) => why)).toEqual(['hard-link']);
    }
    const pieces: Buffer[] = [];
    const write = (piece: Buffer) => Promise.resolve(void pieces.push(piece));
    await ground.transfers().toStream(subject(), 'tree', write, context);
    mkdirSync(host('untarred'));
    execFileSync('tar', ['-C', host('untarred'), '-x'], { input: Buffer.concat(pieces) });
    expect(treeOf(host('untarred'))).toEqual(treeOf(ground.inside));
    const bad = ground
      .transfers()
      .fromStream(
        subject(),
        Readable.from([Buffer.alloc(5000, 7)]),
        { path: '.', overwrite: false, named: [] },
        context,
      );
    expect(await codeOf(bad)).toBe('BAD_ARGUMENT');
  });

  it('says how far it is also within one large file, and through a stream', async () => {
    const sizeBytes = 9 * 1024 ** 2;
    writeFileSync(host('large'), Buffer.alloc(sizeBytes, 1));
    const told: { readonly entries: number; readonly bytes: number }[] = [];
    const following = { ...context, onProgress: (soFar: (typeof told)[number]) => told.push(soFar) };
    const ways = [
      () => ground.transfers().in(subject(), request('inside', 'large'), following),
      () => ground.transfers().out(subject(), request('inside', 'back'), following),
      () => ground.transfers().toStream(subject(), 'inside', () => Promise.resolve(), following),
    ];
    for (const copy of ways) {
      told.length = 0;
      await copy();
      expect(told.filter(({ entries, bytes }) => entries === 0 && bytes > 0 && bytes < sizeBytes)).not.toEqual([]);
      expect(told.map(({ bytes }) => bytes)).toEqual(told.map(({ bytes }) => bytes).toSorted((a, b) => a - b));
      expect(told.at(-1)).toEqual({ entries: 1, bytes: sizeBytes });
    }
  });

  it('leaves no half of a file when it is cancelled, on either side', async () => {
    for (const folder of [ground.inside, ground.host]) {
      mkdirSync(join(folder, 't'));
      writeFileSync(join(folder, 't/big'), '');
      truncateSync(join(folder, 't/big'), 3 * 1024 ** 3);
    }
    for (const [call, folder] of [
      [(signal: AbortSignal) => ground.transfers().out(subject(), request('t', 'got'), { signal }), ground.host],
      [(signal: AbortSignal) => ground.transfers().in(subject(), request('got', 't'), { signal }), ground.inside],
    ] as const) {
      const abort = new AbortController();
      const ended = codeOf(call(abort.signal));
      const drafts = () => (existsSync(join(folder, 'got')) ? readdirSync(join(folder, 'got')) : []);
      while (!drafts().some((name) => name.startsWith('.paddock-')))
        await new Promise((resolve) => setImmediate(resolve));
      abort.abort();
      expect(await ended).toBe('INTERRUPTED');
      expect(drafts()).toEqual([]);
    }
  });

  it('ends at its time, and says what was copied', async () => {
    mkdirSync(join(ground.inside, 't'));
    writeFileSync(join(ground.inside, 't/big'), '');
    truncateSync(join(ground.inside, 't/big'), 3 * 1024 ** 3);
    const late = ground.transfers({ limitMs: 100 }).out(subject(), request('t', 'got'), context);
    await expect(late).rejects.toMatchObject({ code: 'LIMIT_REACHED', info: { bytes: 0 } });
    expect(readdirSync(host('got'))).toEqual([]);
  });
});
