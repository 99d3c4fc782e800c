import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeTree } from '../../../src/kit/remove-tree.js';
import { builtInit, builtSupport } from './support/compiled.js';

const program = builtInit();
const mark = builtSupport('test/native/workspace/support/mark.c');

/** Each entry by its type, whether it is opaque, its name and its target; each end by why. */
function told(folder: string, most = '1000') {
  const { status, stdout } = spawnSync(program, ['--layer', most], {
    stdio: ['ignore', 'pipe', 'ignore', openSync(folder, 'r')],
    encoding: 'latin1',
  });
  const texts = stdout.split('\0').slice(0, -1);
  const records = texts.flatMap((head, i) => {
    if (i % 3 !== 0) return [];
    const [type = '', flag] = head.split(' ');
    return [[type, flag, texts[i + 1], texts[i + 2]].filter((text) => text !== '').join(' ')];
  });
  return { status, records };
}

describe('paddock-init --layer', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'paddock-layer-'));
  });
  afterEach(() => removeTree(folder));

  it('tells of every entry, by the kernel’s marks, and follows no link', () => {
    mkdirSync(join(folder, 'dir'));
    writeFileSync(join(folder, 'dir/line\nbreak'), 'x');
    symlinkSync('..', join(folder, 'dir/up'));
    spawnSync(mark, ['gone', join(folder, 'gone'), 'opaque', join(folder, 'dir')]);
    const { status, records } = told(folder);
    expect(status).toBe(0);
    expect([...records].sort()).toEqual([
      ...['d 0', 'd 1 dir', 'e 0', 'e 0', 'f 0 line\nbreak', 'l 0 up ..', 'w 0 gone'],
    ]);
    expect([records[0], records.at(-1)]).toEqual(['d 0', 'e 0']);
  });

  it('ends every folder that is open with why, when there is more than it may tell', () => {
    for (const name of ['a', 'a/b', 'a/b/c']) mkdirSync(join(folder, name));
    expect(told(folder, '2').records).toEqual(['d 0', 'd 0 a', 'd 0 b', 'e -2', 'e -2', 'e -2']);
    expect(told(folder, '0').records).toEqual(['d 0', 'e -2']);
    expect(told(folder, '3').records.slice(-4)).toEqual(['e 0', 'e 0', 'e 0', 'e 0']);
  });

  it('enters no folder whose path is longer than any path may be', () => {
    const name = 'x'.repeat(250);
    const names = Array<string>(20).fill(name);
    const script = names.map(() => `mkdir ${name} && cd -P ./${name}`).join(' && ');
    expect(spawnSync('/bin/sh', ['-c', script], { cwd: folder }).status).toBe(0);
    const { records } = told(folder);
    expect(records.filter((line) => line.startsWith('d')).length).toBe(1 + 17);
    expect(records.filter((line) => line === 'e -1').length).toBe(1);
  });

  it('fails where descriptor 3 is no folder, and when it is not told how much it may tell', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(told(join(folder, 'file'))).toEqual({ status: 1, records: [] });
    expect(told(folder, 'all').status).toBe(2);
    expect(told(folder, '-1').status).toBe(2);
  });
});
