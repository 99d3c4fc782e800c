import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { suggestionsOf } from '../../../../src/egress/lock-files/suggestions.js';

let project: string;
beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), 'paddock-locks-'));
});
afterEach(() => rm(project, { recursive: true }));

async function named(files: Readonly<Record<string, string>>) {
  for (const [name, text] of Object.entries(files)) await writeFile(join(project, name), text);
  return (await suggestionsOf(project)).list.map(({ allow }) => allow);
}

describe('what lock files suggest', () => {
  it('package-lock.json: where packages come from, not where their authors take money', async () => {
    const packages = {
      'node_modules/a': {
        resolved: 'https://npm.example/a/-/a-1.0.0.tgz',
        funding: { url: 'https://money.example/a' },
      },
      'node_modules/b': { resolved: 'git+https://git.example:8443/b.git#abc' },
      'node_modules/c': { resolved: 'git+ssh://git@ssh.example/c.git#abc' },
      'node_modules/d': { resolved: 'http://npm.example/d/-/d-1.0.0.tgz' },
    };
    expect(await named({ 'package-lock.json': JSON.stringify({ packages }, undefined, 2) })).toEqual([
      ...['preset:npm', 'https://npm.example', 'https://git.example:8443', 'http://npm.example'],
    ]);
  });

  it('yarn.lock of both kinds, and pnpm-lock.yaml', async () => {
    const classic = 'a@^1.0.0:\n  version "1.0.0"\n  resolved "https://yarn.example/a/-/a-1.0.0.tgz#abc"\n';
    const berry = '"b@https://files.example/b.tgz":\n  resolution: "b@https://files.example/b.tgz"\n';
    const pnpm =
      'packages:\n  /c@1.0.0:\n    resolution: {integrity: sha512-x, tarball: https://pnpm.example/c.tgz}\n  d:\n    resolution: {type: git, repo: https://git.example/d.git, commit: abc}\n';
    expect(await named({ 'yarn.lock': classic + berry, 'pnpm-lock.yaml': pnpm })).toEqual([
      ...['preset:npm', 'https://yarn.example', 'https://files.example', 'https://pnpm.example', 'https://git.example'],
    ]);
  });

  it('what Python’s tools write', async () => {
    const poetry =
      '[[package]]\nname = "a"\n\n[package.source]\ntype = "legacy"\nurl = "https://poetry.example/simple"\n';
    const uv =
      'source = { registry = "https://index.example/simple" }\nsdist = { url = "https://files.example/a.tar.gz", hash = "x" }\n';
    const pipenv = { _meta: { sources: [{ name: 'x', url: 'https://user:secret@pipenv.example/simple' }] } };
    const requirements = [
      ...[
        '# https://comment.example/',
        '--index-url https://pip.example/simple',
        'a==1.0 # see https://remark.example/',
      ],
      ...['-f "https://links.example/"', 'b @ https://direct.example/b.whl', 'git+https://repo.example/c.git#egg=c'],
    ];
    const files = {
      ...{ 'poetry.lock': poetry, 'uv.lock': uv, 'Pipfile.lock': JSON.stringify(pipenv, undefined, 4) },
      ...{ 'requirements.txt': requirements.join('\n'), 'requirements-dev.txt': '-i https://dev.example/simple\n' },
    };
    expect(await named(files)).toEqual([
      ...['preset:pip', 'https://poetry.example', 'https://index.example', 'https://files.example'],
      ...['https://pipenv.example', 'https://pip.example', 'https://links.example', 'https://direct.example'],
      ...['https://repo.example', 'https://dev.example'],
    ]);
  });

  it('Cargo.lock, go.mod, go.sum and .gitmodules', async () => {
    const cargo =
      'source = "registry+https://old.example/index"\nsource = "sparse+https://crates.example/api/"\nsource = "git+https://git.example/x?rev=a#a"\n';
    const mod =
      'module own.example/m\n\ngo 1.22\n\nrequire one.example/a v1.2.3\nrequire (\n\ttwo.example/b/v2 v2.0.0 // indirect: three.example/c v1\n)\n';
    const sum = 'four.example/d v1.0.0 h1:abc=\nfour.example/d v1.0.0/go.mod h1:abc=\n';
    const modules =
      '[submodule "a"]\n\tpath = a\n\turl = https://sub.example/a.git\n[submodule "b"]\n\turl = git@ssh.example:b.git\n';
    const files = { 'Cargo.lock': cargo, 'go.mod': mod, 'go.sum': sum, '.gitmodules': modules };
    expect(await named(files)).toEqual([
      ...['preset:cargo', 'preset:go', 'https://crates.example', 'https://git.example'],
      ...['https://one.example', 'https://two.example', 'https://four.example', 'https://sub.example'],
    ]);
  });

  it('says which files name a place, once each', async () => {
    const line = '-i https://pip.example/simple\n';
    await named({ 'requirements.txt': line + line, 'requirements-test.txt': line });
    const files = ['requirements.txt', 'requirements-test.txt'];
    const list = [
      { allow: 'preset:pip', files },
      { allow: 'https://pip.example', files },
    ];
    expect(await suggestionsOf(project)).toEqual({ list, isComplete: true });
  });

  it('says nothing of a project without any', async () => {
    expect(await suggestionsOf(project)).toEqual({ list: [], isComplete: true });
  });
});

describe('a project that means harm', () => {
  it('suggests neither a pattern, nor what is near, nor an odd spelling', async () => {
    const odd = [
      ...['*.example.org', '*', '127.0.0.1', '127.1', '0x7f.1', '2130706433', '[::1]', '[::ffff:169.254.169.254]'],
      ...[
        'localhost',
        'db',
        '169.254.169.254',
        '10.0.0.1',
        '10.0.0.0/8',
        'a..example',
        'é\u202e.example',
        'x.example:0',
      ],
      ...['x.example:99999', 'x.example%00.evil.example', '\u001b[31mred.example', ''],
    ];
    const text = odd.map((host) => `--index-url https://${host}/simple`).join('\n');
    expect(await named({ 'requirements.txt': text })).toEqual(['preset:pip']);
  });

  it('has names normalised and users dropped', async () => {
    const text = '-i https://good.example@EVIL.example./x\n-i https://bücher.example/\n';
    expect(await named({ 'requirements.txt': text })).toEqual([
      ...['preset:pip', 'https://evil.example', 'https://xn--bcher-kva.example'],
    ]);
  });

  it('is read through no link, and no FIFO is waited for', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'paddock-outside-'));
    await writeFile(join(outside, 'real'), '-i https://linked.example/\n');
    await symlink(join(outside, 'real'), join(project, 'requirements.txt'));
    await symlink(join(outside, 'missing'), join(project, 'uv.lock'));
    execFileSync('mkfifo', [join(project, 'Cargo.lock')]);
    await mkdir(join(project, 'go.sum'));
    await writeFile(join(project, '.gitmodules'), 'url = https://own.example/a.git\n');
    expect(await suggestionsOf(project)).toMatchObject({ list: [{ allow: 'https://own.example' }] });
    await rm(outside, { recursive: true });
  });

  it('is read up to a limit, and that is said', async () => {
    const path = join(project, 'requirements.txt');
    await writeFile(path, '-i https://first.example/\n');
    await truncate(path, 2 ** 40);
    const found = await suggestionsOf(project);
    expect(found).toMatchObject({ isComplete: false, list: [{}, { allow: 'https://first.example' }] });
  });

  it('gets no more than fifty said', async () => {
    const many = Array.from({ length: 5000 }, (_, at) => `-i https://h${at}.example/`).join('\n');
    await named({ 'requirements.txt': many });
    const { list, isComplete } = await suggestionsOf(project);
    expect([list.length, isComplete]).toEqual([50, false]);
  });

  it.each([
    ['package-lock.json', '"resolved"   '],
    ['requirements.txt', ' #'],
    ['go.sum', 'a.example/'],
    ['go.mod', '\n\t'],
    ['.gitmodules', 'url      '],
    ['yarn.lock', '@https://a'],
  ])('takes no time that grows faster than its %s', async (name, piece) => {
    // What is quadratic takes hours on this, not the time of a test.
    expect(await named({ [name]: piece.repeat(2 ** 21 / piece.length) })).not.toContain('https://a');
  });
});
