import { execFileSync } from 'node:child_process';
import {
  closeSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isGone, NotAsExpected, OpenFolder } from '../../../src/kit/open-folder.js';

describe.each([
  ['OpenFolder', false],
  ['OpenFolder in a hurry', true],
] as const)('%s', (_, isHurried) => {
  let top: string;
  let folder: OpenFolder;

  beforeEach(async () => {
    top = mkdtempSync(join(tmpdir(), 'open-folder-'));
    mkdirSync(join(top, 'inside/deep'), { recursive: true });
    mkdirSync(join(top, 'outside'));
    writeFileSync(join(top, 'outside/secret'), 'secret');
    folder = await OpenFolder.at(join(top, 'inside'));
    if (isHurried) await folder.hurry();
  });
  afterEach(async () => {
    await folder[Symbol.asyncDispose]();
    rmSync(top, { recursive: true });
  });

  it.each(['', '.', '..', 'a/b', '/etc', 'a\0b', Buffer.from('../outside')])(
    'refuses %j, which is no name',
    async (name) => {
      await expect(async () => folder.file(name)).rejects.toThrow(RangeError);
      await expect(async () => folder.rename(name, folder, 'x')).rejects.toThrow(RangeError);
    },
  );

  it('closes its own descriptor once, and nobody else’s after that', async () => {
    const { fd } = folder;
    await folder[Symbol.asyncDispose]();
    expect(folder.fd).toBe(-1);
    const others: number[] = [];
    while (!others.includes(fd) && others.length < 100) others.push(openSync(top, 'r'));
    await folder[Symbol.asyncDispose]();
    expect(others.includes(fd) && fstatSync(fd).isDirectory()).toBe(true);
    others.forEach(closeSync);
  });

  it('follows no link: neither as a folder nor as a file nor when it makes one', async () => {
    symlinkSync(join(top, 'outside'), join(top, 'inside/out'));
    symlinkSync(join(top, 'outside/secret'), join(top, 'inside/file'));
    await expect(folder.folder('out')).rejects.toThrow(NotAsExpected);
    await expect(folder.down(['out'])).rejects.toThrow(NotAsExpected);
    await expect(folder.file('file')).rejects.toThrow(NotAsExpected);
    await expect(folder.newFile('file', 0o600)).rejects.toMatchObject({ code: 'EEXIST' });
    expect((await folder.entry('file'))?.isSymbolicLink()).toBe(true);
    expect(String(await folder.target('file'))).toBe(join(top, 'outside/secret'));
  });

  it('stays with the folder that was opened, whatever is put in its place', async () => {
    await using deep = await folder.down(['deep']);
    renameSync(join(top, 'inside/deep'), join(top, 'moved'));
    symlinkSync(join(top, 'outside'), join(top, 'inside/deep'));
    const file = await deep.newFile('here', 0o600);
    await file.close();
    await deep.newFolder('sub', 0o700);
    await deep.newLink('link', 'here');
    await deep.sync();
    expect(readdirSync(join(top, 'moved')).sort()).toEqual(['here', 'link', 'sub']);
    expect(readdirSync(join(top, 'outside'))).toEqual(['secret']);
  });

  it('neither waits for a FIFO nor reads what is no regular file', async () => {
    execFileSync('mkfifo', [join(top, 'inside/fifo')]);
    await expect(folder.file('fifo')).rejects.toThrow(NotAsExpected);
    await expect(folder.file('deep')).rejects.toThrow(NotAsExpected);
  });

  it('renames over a file, removes, and says what is not there', async () => {
    writeFileSync(join(top, 'inside/old'), 'old');
    writeFileSync(join(top, 'inside/deep/new'), 'new');
    await using deep = await folder.folder('deep');
    await deep.rename('new', folder, 'old');
    expect(readFileSync(join(top, 'inside/old'), 'utf8')).toBe('new');
    await folder.remove('old');
    await folder.removeFolder('deep');
    expect(await folder.entry('old')).toBeUndefined();
    const gone = await folder.file('old').catch((error: unknown) => error);
    expect(isGone(gone)).toBe(true);
  });

  it('lists names that are no text', async () => {
    const name = Buffer.from([0x66, 0xff, 0x0a]);
    const file = await folder.newFile(name, 0o600);
    await file.close();
    const names: Buffer[] = [];
    for await (const found of folder.names()) names.push(found);
    expect(names.map((found) => found.toString('hex')).sort()).toEqual(['64656570', '66ff0a']);
  });
});

describe('a folder in a hurry', () => {
  it('hands that on to the folders in it, and not to those of another file system', async () => {
    const top = mkdtempSync(join(tmpdir(), 'open-folder-'));
    mkdirSync(join(top, 'in/deep'), { recursive: true });
    await using folder = await OpenFolder.at(top);
    await using before = await folder.folder('in');
    await folder.hurry();
    await using inner = await folder.folder('in');
    await using deep = await folder.down(['in', 'deep']);
    expect([before, folder, inner, deep].map(({ isNear }) => isNear)).toEqual([false, true, true, true]);
    await using root = await OpenFolder.at('/');
    await root.hurry();
    await using proc = await root.folder('proc');
    expect(proc.isNear).toBe(false);
    rmSync(top, { recursive: true });
  });

  it('is in none where the file system is none of this machine’s disks', async () => {
    await using proc = await OpenFolder.at('/proc/self');
    await proc.hurry();
    expect(proc.isNear).toBe(false);
    expect((await proc.entry('status'))?.isFile()).toBe(true);
  });
});
