import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeSpreadFolder } from '../../../src/workspace/spread-folder.js';
import { builtInit } from '../init/support/compiled.js';

const program = builtInit();
const ext4 = 0xef53;
const knowsFlags = statfsSync(tmpdir()).type === ext4 && existsSync('/usr/bin/lsattr');

describe('a folder for what sessions write', () => {
  let top: string;
  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), 'paddock-spread-'));
  });
  afterEach(() => rmSync(top, { recursive: true }));

  it.skipIf(!knowsFlags)('has those of several sessions lie apart on the disk, on ext4', async () => {
    const path = join(top, 'state/layers');
    await makeSpreadFolder(path, program);
    const [flags] = execFileSync('lsattr', ['-d', path]).toString().split(' ');
    expect(flags).toContain('T');
  });

  it.each(['/dev/shm', '/tmp'])(
    'is made, and nobody else’s to look into, also where that can not be had: %s',
    async (where) => {
      const other = mkdtempSync(join(where, 'paddock-spread-'));
      try {
        await makeSpreadFolder(join(other, 'layers'), '/no/such/program');
        await makeSpreadFolder(join(other, 'more'), program);
        // A second time, of one that is there.
        await makeSpreadFolder(join(other, 'more'), program);
        expect(['layers', 'more'].map((name) => statSync(join(other, name)).mode & 0o777)).toEqual([0o700, 0o700]);
      } finally {
        rmSync(other, { recursive: true });
      }
    },
  );

  it('can not be made where its parent is no folder', async () => {
    await expect(makeSpreadFolder('/dev/null/layers', program)).rejects.toMatchObject({ code: 'ENOTDIR' });
  });
});
