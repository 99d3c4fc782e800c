import { execFileSync, spawnSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseListing } from '../../../src/sandbox/files/list-inside.js';
import { builtInit, builtSupport } from './support/compiled.js';

const sources = readdirSync('src/init').filter((name) => name.endsWith('.c') && name !== 'main.c');
const sanitized = () =>
  builtSupport('src/init/main.c', [
    ...['-g', '-DPADDOCK_VERSION="test"', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
    ...sources.map((name) => join('src/init', name)),
  ]);

/** As it is shipped, and under the sanitizers; those look for leaks by means that a program which is not dumpable does not allow. */
const programs = [
  ['paddock-init', builtInit()],
  ['paddock-init under the sanitizers', sanitized()],
] as const;

describe.each(programs)('the files that %s serves', { timeout: 60_000 }, (_, program) => {
  let folder: string;
  const ask = (words: readonly string[], input: string | Buffer = '') => {
    const env = { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' };
    const run = spawnSync(program, words, { cwd: folder, input, env });
    expect(run.stderr.toString()).toBe('');
    return { status: run.status, said: run.stdout.toString('latin1'), bytes: run.stdout };
  };
  const errorOf = (name: keyof typeof constants.errno) => ({
    status: 71,
    said: `error ${constants.errno[name]}\n`,
  });
  const list = (path: string, depth = 10, entries = 1000, bytes = 100_000) => {
    const { bytes: all } = ask(['--file-list', path, ...[depth, entries, bytes].map(String)]);
    return parseListing(all.subarray(all.indexOf('\n') + 1));
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'paddock-files-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('reads a range of bytes, and tells what the file is first', () => {
    writeFileSync(join(folder, 'a'), 'hello world', { mode: 0o640 });
    expect(ask(['--file-read', 'a', 'bytes', '6', '3']).said).toMatch(/^ok f 640 11 \d+\.\d{9} 6\nwor$/);
    expect(ask(['--file-read', 'a', 'bytes', '99', '3']).said).toMatch(/ 99\n$/);
    expect(ask(['--file-read', 'a', 'bytes', '0', '0']).said).toMatch(/ 0\n$/);
  });

  it('reads whole lines, wherever they lie', () => {
    const long = 'x'.repeat(70_000);
    writeFileSync(join(folder, 'a'), `one\n${long}\nthree\nlast`);
    expect(ask(['--file-read', 'a', 'lines', '3', '1', '100']).said).toMatch(/ 70005\nthree\n$/);
    expect(ask(['--file-read', 'a', 'lines', '3', '9', '100']).said).toMatch(/\nthree\nlast$/);
    expect(ask(['--file-read', 'a', 'lines', '1', '2', '10']).said).toMatch(/ 0\none\nxxxxxx$/);
    expect(ask(['--file-read', 'a', 'lines', '1', '2', '99999']).said.endsWith(`\none\n${long}\n`)).toBe(true);
    expect(ask(['--file-read', 'a', 'lines', '9', '1', '10']).said).toMatch(/ 70015\n$/);
  });

  it('follows links to be read, and waits for no FIFO', () => {
    writeFileSync(join(folder, 'a'), 'x');
    symlinkSync('a', join(folder, 'l'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    expect(ask(['--file-read', 'l', 'bytes', '0', '9']).said).toMatch(/\nx$/);
    expect(ask(['--file-read', 'pipe', 'bytes', '0', '9']).said).toMatch(/^ok o \d+ 0 [\d.]+ 0\n$/);
    expect(ask(['--file-read', '.', 'bytes', '0', '9']).said).toMatch(/^ok d .*\n$/);
    expect(ask(['--file-read', 'missing', 'bytes', '0', '9'])).toMatchObject(errorOf('ENOENT'));
    expect(ask(['--file-read', 'a/b', 'bytes', '0', '9'])).toMatchObject(errorOf('ENOTDIR'));
  });

  it('writes a file of any bytes, with the folders on the way, and leaves nothing beside it', () => {
    const bytes = Buffer.from(Array.from({ length: 200_000 }, (_entry, i) => i % 256));
    const words = ['--file-write', 'x/y/z', 'create', '750', 'parents', String(bytes.length)];
    expect(ask(words, bytes).said).toMatch(/^ok created f 750 200000 [\d.]+ \n$/);
    expect(readFileSync(join(folder, 'x/y/z')).equals(bytes)).toBe(true);
    expect(readdirSync(join(folder, 'x/y'))).toEqual(['z']);
    expect(ask(words, bytes)).toMatchObject(errorOf('EEXIST'));
    expect(ask(['--file-write', 'p/q', 'create', '-', '-', '0'])).toMatchObject(errorOf('ENOENT'));
  });

  it('replaces at once, keeps the mode, and writes where a link leads', () => {
    mkdirSync(join(folder, 'sub'));
    writeFileSync(join(folder, 'sub/a'), 'old', { mode: 0o750 });
    symlinkSync('sub/l2', join(folder, 'l'));
    symlinkSync('a', join(folder, 'sub/l2'));
    const before = lstatSync(join(folder, 'sub/a')).ino;
    expect(ask(['--file-write', 'l', 'replace', '-', '-', '3'], 'new').said).toMatch(/^ok replaced f 750 3 /);
    expect(readFileSync(join(folder, 'sub/a'), 'utf8')).toBe('new');
    expect(lstatSync(join(folder, 'sub/a')).ino).not.toBe(before);
    expect(readlinkSync(join(folder, 'l'))).toBe('sub/l2');
    symlinkSync('nowhere', join(folder, 'dangling'));
    expect(ask(['--file-write', 'dangling', 'create', '-', '-', '1'], 'x').said).toMatch(/^ok created/);
    expect(readFileSync(join(folder, 'nowhere'), 'utf8')).toBe('x');
  });

  it('leaves what is there when less arrives than was announced, and takes no more than that', () => {
    writeFileSync(join(folder, 'a'), 'old');
    expect(ask(['--file-write', 'a', 'replace', '-', '-', '9'], 'torn')).toMatchObject({
      status: 1,
      said: 'short 4\n',
    });
    expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['a']);
    expect(ask(['--file-write', 'a', 'replace', '-', '-', '2'], 'more').said).toMatch(/^ok replaced/);
    expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('mo');
  });

  it('writes over no folder, FIFO, or loop of links', () => {
    mkdirSync(join(folder, 'd'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    symlinkSync('loop', join(folder, 'loop'));
    const write = (path: string) => ask(['--file-write', path, 'replace', '-', 'parents', '1'], 'x');
    expect(write('d')).toMatchObject(errorOf('EISDIR'));
    expect(write('d/')).toMatchObject(errorOf('EISDIR'));
    expect(write('d/..')).toMatchObject(errorOf('EISDIR'));
    expect(write('pipe')).toMatchObject(errorOf('ENXIO'));
    expect(write('loop')).toMatchObject(errorOf('ELOOP'));
    expect(write('loop/x').status).toBe(71);
    expect(write('x'.repeat(300))).toMatchObject(errorOf('ENAMETOOLONG'));
    expect(write('x/'.repeat(3000))).toMatchObject(errorOf('ENAMETOOLONG'));
    expect(readdirSync(folder).sort()).toEqual(['d', 'loop', 'pipe']);
  });

  it('lists a tree with names of any bytes, and follows no link', async () => {
    mkdirSync(join(folder, 'd/e'), { recursive: true });
    writeFileSync(join(folder, 'd/e/f'), 'abc');
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x61, 0x0a, 0xff])]), '');
    symlinkSync('/etc', join(folder, 'd/out'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const { files, isCut } = (await list('.')) ?? { files: [], isCut: true };
    expect(files.map(({ path, type }) => [path.toString('latin1'), type])).toEqual([
      ...[
        ['a\n\xff', 'file'],
        ['d', 'folder'],
        ['d/e', 'folder'],
        ['d/e/f', 'file'],
        ['d/out', 'link'],
        ['pipe', 'other'],
      ],
    ]);
    expect(files.find(({ type }) => type === 'link')?.target?.toString()).toBe('/etc');
    expect(files.find(({ path }) => path.toString() === 'd/e/f')?.sizeBytes).toBe(3);
    expect(isCut).toBe(false);
    expect((await list('d', 1))?.files.map(({ path }) => path.toString())).toEqual(['e', 'out']);
  });

  it('says when it stopped before the end: at entries, bytes, or depth of the path', async () => {
    for (let i = 0; i < 50; i += 1) writeFileSync(join(folder, `file${i}`), '');
    expect(await list('.', 1, 20)).toMatchObject({ isCut: true });
    expect((await list('.', 1, 20))?.files).toHaveLength(20);
    expect(await list('.', 1, 1000, 500)).toMatchObject({ isCut: true });
    expect(await list('.', 1, 50)).toMatchObject({ isCut: false });
    mkdirSync(join(folder, Array.from({ length: 14 }, () => 'n'.repeat(250)).join('/')), { recursive: true });
    expect((await list('.', 64))?.files).toHaveLength(64);
  });

  it.each([
    ['--file-read', 'a'],
    ['--file-read', 'a', 'bytes', '-1', '5'],
    ['--file-read', 'a', 'bytes', '1', '99999999999999999999'],
    ['--file-read', 'a', 'lines', '0', '1', '1'],
    ['--file-write', 'a', 'append', '-', '-', '1'],
    ['--file-write', 'a', 'create', '4755', '-', '1'],
    ['--file-write', 'a', 'create', '8', '-', '1'],
    ['--file-write', 'a', 'create', '-', '-', ''],
    ['--file-list', 'a', '65', '1', '1'],
    ['--file-list', 'a', '0', '1', '1'],
  ])('refuses what it does not understand: %s %s %s %s %s %s', (...words) => {
    const run = spawnSync(
      program,
      words.filter((word) => typeof word === 'string'),
      { cwd: folder },
    );
    expect(run.status).toBe(2);
    expect(readdirSync(folder)).toEqual([]);
  });
});
