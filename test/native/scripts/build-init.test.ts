import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'paddock-build-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs the script of a checkout (this one unless told) with a PATH of its own. */
function build(out: string, options: { root?: string; path?: string; arch?: string } = {}) {
  const script = join(options.root ?? '.', 'scripts/build-init.js');
  const env = { ...process.env, PATH: options.path ?? process.env['PATH'] };
  const arch = options.arch === undefined ? [] : ['--arch', options.arch];
  return spawnSync(process.execPath, [script, ...arch, out], { encoding: 'utf8', env });
}

const other = process.arch === 'x64' ? 'arm64' : 'x64';

/** What the script reads, somewhere else. */
function copyOfProject(name: string, sources = readdirSync('src/init').map((file) => join('src/init', file))): string {
  const root = join(folder, name);
  for (const part of ['scripts', 'src/init']) mkdirSync(join(root, part), { recursive: true });
  for (const file of ['package.json', 'scripts/build-init.js', ...sources]) copyFileSync(file, join(root, file));
  return root;
}

/** A checkout with less to compile, where it does not matter what is compiled. */
function smallProject(name: string, main = 'int main(void) { return 0; }\n'): string {
  const root = copyOfProject(name, []);
  writeFileSync(join(root, 'src/init/main.c'), main);
  return root;
}

describe('the build of paddock-init', { timeout: 60_000 }, () => {
  it('gives the same bytes every time, wherever the checkout lies', () => {
    const outs = ['first', 'second-and-longer'].map((name) => {
      const out = join(folder, `${name}.out`);
      expect(build(out, { root: copyOfProject(name) })).toMatchObject({ status: 0, stdout: 'paddock-init: made\n' });
      return readFileSync(out);
    });
    expect(outs).toHaveLength(2);
    expect(outs[0]).toEqual(outs[1]);
  });

  it('makes a small executable that names no file of this machine', () => {
    const out = join(folder, 'init');
    build(out);
    expect(statSync(out).mode & 0o777).toBe(0o755);
    expect(readFileSync(out).includes(process.cwd())).toBe(false);
    const { compiler } = JSON.parse(readFileSync(`${out}.json`, 'utf8')) as { compiler: string };
    expect(statSync(out).size).toBeLessThan(compiler.startsWith('musl-gcc') ? 131_072 : 1_100_000);
  });

  it('does nothing when sources and compiler are the same', () => {
    const root = smallProject('still');
    const out = join(folder, 'init');
    build(out, { root });
    const before = statSync(out, { bigint: true });
    expect(build(out, { root }).stdout).toBe('paddock-init: unchanged\n');
    expect(statSync(out, { bigint: true })).toMatchObject({ ino: before.ino, mtimeNs: before.mtimeNs });
  });

  it('makes it again when a source changed or the program is not the stamped one', () => {
    const root = smallProject('changing');
    const out = join(folder, 'init');
    build(out, { root });
    writeFileSync(out, 'something else');
    expect(build(out, { root }).stdout).toBe('paddock-init: made\n');
    writeFileSync(join(root, 'src/init/main.c'), '\n', { flag: 'a' });
    expect(build(out, { root }).stdout).toBe('paddock-init: made\n');
  });

  it('says what to install when there is no compiler, and leaves nothing', () => {
    const out = join(folder, 'init');
    const run = build(out, { path: folder });
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('apt-get install musl-tools');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('says what to install for another processor', () => {
    const run = build(join(folder, 'init'), { path: folder, arch: other });
    expect(run.status).toBe(1);
    expect(run.stderr).toMatch(/apt-get install gcc-(aarch64|x86-64)-linux-gnu libc6-dev-\w+-cross/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('refuses what a compiler made for another processor than it was asked for', () => {
    const ours = join(folder, 'ours');
    build(ours, { root: smallProject('ours-only') });
    const [bin, out] = [join(folder, 'bin'), join(folder, 'out')];
    mkdirSync(bin);
    const compiler = `#!/bin/sh\n[ "$1" != --version ] || exit 0\nwhile [ "$1" != -o ]; do shift; done\ncp '${ours}' "$2"\n`;
    for (const machine of ['aarch64', 'x86_64']) {
      writeFileSync(join(bin, `${machine}-linux-musl-gcc`), compiler, { mode: 0o755 });
    }
    const run = build(join(out, 'init'), { path: `${bin}:${process.env['PATH']}`, arch: other });
    expect(run.status).toBe(1);
    expect(run.stderr).toContain(`is no program for ${other}`);
    expect(readdirSync(out)).toEqual([]);
  });

  it('keeps a program made from these sources when there is no compiler, and refuses a stale one', () => {
    const root = smallProject('prebuilt');
    const out = join(folder, 'init');
    build(out, { root });
    expect(build(out, { root, path: folder })).toMatchObject({ status: 0, stdout: 'paddock-init: kept\n' });
    writeFileSync(join(root, 'src/init/main.c'), '\n', { flag: 'a' });
    const run = build(out, { root, path: folder });
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('is not made from these sources');
  });

  it('shows the compiler error of a source that does not compile and leaves nothing', () => {
    const root = smallProject('broken', 'int main(void) { int unused; return 0; }\n');
    const outFolder = join(folder, 'out');
    const run = build(join(outFolder, 'init'), { root });
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('unused');
    expect(readdirSync(outFolder)).toEqual([]);
  });
});
