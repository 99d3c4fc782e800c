import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OpenFolder } from '../../../src/kit/open-folder.js';
import { QuickFolder, QuickFolders } from '../../../src/kit/quick-folder.js';

describe('the small files of a folder that is open', () => {
  let top: string;
  let folder: OpenFolder;
  let quick: QuickFolder;
  const buffer = Buffer.alloc(16, 7);
  const inside = (name: string) => join(top, 'inside', name);

  beforeEach(async () => {
    top = mkdtempSync(join(tmpdir(), 'quick-folder-'));
    mkdirSync(inside('deep'), { recursive: true });
    writeFileSync(join(top, 'secret'), 'secret');
    folder = await OpenFolder.at(join(top, 'inside'));
    quick = new QuickFolder(folder);
  });
  afterEach(async () => {
    await folder[Symbol.asyncDispose]();
    rmSync(top, { recursive: true });
  });

  it.each(['', '.', '..', 'a/b', '/etc', 'a\0b', Buffer.from('../secret')])('refuse %j, which is no name', (name) => {
    expect(() => quick.read(name, buffer)).toThrow(RangeError);
    expect(() => quick.create(name, 0o600, buffer, 0)).toThrow(RangeError);
    expect(() => quick.link('a', name)).toThrow(RangeError);
    expect(() => quick.rename(name, 'a')).toThrow(RangeError);
    expect(() => quick.discard(name)).toThrow(RangeError);
  });

  it('are read with what they are, and that nobody wrote to them meanwhile', () => {
    writeFileSync(inside('a'), 'content', { mode: 0o640 });
    const found = quick.read('a', buffer);
    expect([String(found?.content), found?.isSame, Number(found?.status.mode) & 0o777]).toEqual([
      'content',
      true,
      0o640,
    ]);
  });

  it('are read neither through a link, nor where they are none, too large, or not there', () => {
    symlinkSync(join(top, 'secret'), inside('link'));
    execFileSync('mkfifo', [inside('fifo')]);
    writeFileSync(inside('large'), 'x'.repeat(17));
    expect(['link', 'fifo', 'large', 'deep', 'gone'].map((name) => quick.read(name, buffer))).toEqual(
      Array.from({ length: 5 }, () => undefined),
    );
  });

  it('are made once, with mode and time, over nothing and through no link', () => {
    quick.create('a', 0o640, Buffer.from('one'), 5000);
    expect([readFileSync(inside('a'), 'utf8'), statSync(inside('a')).mtimeMs]).toEqual(['one', 5000]);
    expect(() => quick.create('a', 0o600, Buffer.from('two'), 0)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    symlinkSync(join(top, 'planted'), inside('link'));
    expect(() => quick.create('link', 0o600, buffer, 0)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    expect([readFileSync(inside('a'), 'utf8'), existsSync(join(top, 'planted'))]).toEqual(['one', false]);
  });

  it('leave nothing where making them fails', () => {
    expect(() => quick.create('a', 0o600, buffer, Number.NaN)).toThrow();
    expect(readdirSync(join(top, 'inside'))).toEqual(['deep']);
  });

  it('stay in the folder that was opened, whatever is put in its place', () => {
    renameSync(join(top, 'inside'), join(top, 'moved'));
    symlinkSync(top, join(top, 'inside'));
    quick.create('a', 0o600, buffer, 0);
    quick.link('a', 'b');
    expect(() => quick.link('a', 'b')).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    quick.rename('a', 'c');
    quick.discard('b');
    quick.discard('b');
    expect([readdirSync(join(top, 'moved')).sort(), existsSync(join(top, 'c'))]).toEqual([['c', 'deep'], false]);
    expect([quick.entry('c')?.isFile(), quick.entry('a')]).toEqual([true, undefined]);
  });

  it('are not used at once where somebody else says how long that takes', async () => {
    await using elsewhere = await OpenFolder.at('/proc/self/fdinfo');
    const folders = new QuickFolders();
    expect([await folders.of(elsewhere), await folders.of(folder)]).toEqual([undefined, expect.any(QuickFolder)]);
  });
});
