import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { builtInit } from '../../../src/cli/built-init.js';

describe('scripts/release', () => {
  let folder = '';
  let bin = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'paddock-release-'));
    bin = join(folder, 'bin');
    for (const part of ['bin', 'scripts/lab']) mkdirSync(join(folder, part), { recursive: true });
    for (const file of ['scripts/release', 'scripts/lab/common.sh']) copyFileSync(file, join(folder, file));
    writeFileSync(join(folder, 'package.json'), '{\n  "name": "paddock"\n}\n');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const release = (...args: readonly string[]) => {
    const env = { ...process.env, PATH: `${bin}:${process.env['PATH']}` };
    return spawnSync(join(folder, 'scripts/release'), args, { encoding: 'utf8', env });
  };

  /** Programs in the place of the real ones: what is built and packed does not matter here. */
  function standIns(packed: readonly string[]): void {
    const files = packed.map((name) => `package/dist/init/${name}`).join(' ');
    const programs = {
      node: `echo "node $*" >> ${folder}/log\n! [ -e ${folder}/no-compiler ]`,
      npm: `echo "npm $*" >> ${folder}/log
[ "$1" = pack ] || exit 0
cd ${folder}; mkdir -p package/dist/init; touch ${files}; tar -czf "$4/paddock.tgz" package; echo paddock.tgz`,
    };
    for (const [name, script] of Object.entries(programs)) {
      writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
  }
  const log = () => readFileSync(join(folder, 'log'), 'utf8').trim().split('\n');

  it('builds process 1 for both processors, then the rest, and packs it into the folder that is named', () => {
    standIns(['paddock-init-x64', 'paddock-init-arm64']);
    const out = join(folder, 'out');
    expect(release(out)).toMatchObject({ status: 0, stdout: `${out}/paddock.tgz\n` });
    expect(log()).toEqual([
      'node scripts/build-init.js --arch x64',
      'node scripts/build-init.js --arch arm64',
      'npm run --silent lint:types',
      'npm run --silent build',
      `npm pack --silent --pack-destination ${out}`,
    ]);
  });

  it('packs nothing for the public that does not say where vulnerabilities are reported', () => {
    standIns(['paddock-init-x64', 'paddock-init-arm64']);
    const out = join(folder, 'out');
    expect(release('--public', out)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/names no repository/) as string,
    });
    expect(release(out).stderr).toMatch(/^== not to be published/);
    writeFileSync(join(folder, 'package.json'), '{\n  "repository": "x"\n}\n');
    expect(release('--public', out)).toMatchObject({ status: 0, stderr: '' });
  });

  it('refuses a package in which one is missing', () => {
    standIns(['paddock-init-x64']);
    const run = release(join(folder, 'out'));
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('has no paddock-init for arm64');
  });

  it('packs nothing when one can not be built, or no folder is named', () => {
    standIns([]);
    writeFileSync(join(folder, 'no-compiler'), '');
    expect(release(join(folder, 'out')).status).toBe(1);
    expect(log()).toEqual(['node scripts/build-init.js --arch x64']);
    expect(readdirSync(join(folder, 'out'))).toEqual([]);
    expect(release()).toMatchObject({ status: 1, stderr: 'error: usage: scripts/release [--public] FOLDER\n' });
  });

  it('packs what is looked for where it runs: process 1 for its own processor', () => {
    expect(basename(builtInit)).toBe(`paddock-init-${process.arch}`);
  });
});
