import { spawnSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseReport } from '../../../src/confine/report.js';
import { builtInit } from './support/compiled.js';

const ask = (...words: readonly string[]) => {
  const { status, stdout } = spawnSync(builtInit(), ['--report', ...words], { maxBuffer: 8 * 1024 * 1024 });
  return { status, said: parseReport(stdout, words) };
};

describe('what paddock-init reports', () => {
  it('is what files hold, where links lead and what paths are, in the words that are understood outside', () => {
    const folder = mkdtempSync(join(tmpdir(), 'paddock-report-'));
    const [file, link, large] = [join(folder, 'a'), join(folder, 'link'), join(folder, 'large')];
    writeFileSync(file, 'one\nerror 2\n\0two');
    symlinkSync('a', link);
    writeFileSync(large, Buffer.alloc(2 * 1024 * 1024));
    const words = [
      `f:${file}`,
      `l:${link}`,
      `s:${link}`,
      `s:${file}`,
      `f:${folder}/no`,
      `s:${folder}/no`,
      `f:${large}`,
    ];
    const { status, said } = ask(...words, 'f:/proc/sys/kernel/osrelease', 'l:/proc/self/ns/pid', 's:/dev/null');
    expect(status).toBe(0);
    const { dev, ino, uid } = lstatSync(file, { bigint: true });
    const sighting = { dev: String(dev), ino: String(ino), rdev: '0:0', isLink: false };
    expect(words.map((word) => said?.get(word))).toEqual([
      { text: 'one\nerror 2\n\0two' },
      { text: 'a' },
      expect.objectContaining({ sighting: expect.objectContaining({ isLink: true }) as unknown }),
      { sighting, uid: Number(uid) },
      { errno: constants.errno.ENOENT },
      { errno: constants.errno.ENOENT },
      { errno: constants.errno.EFBIG },
    ]);
    expect(said?.get('f:/proc/sys/kernel/osrelease')).toEqual({
      text: readFileSync('/proc/sys/kernel/osrelease', 'utf8'),
    });
    expect(said?.get('l:/proc/self/ns/pid')).toEqual({ text: readlinkSync('/proc/self/ns/pid') });
    expect(said?.get('s:/dev/null')).toMatchObject({ sighting: { rdev: '1:3' } });
    rmSync(folder, { recursive: true });
  });

  it.each(['x:/proc', 'f', '', '/proc'])('is nothing for the word %j', (word) => {
    expect(ask('f:/proc/version', word).status).toBe(2);
  });
});
