import { lstatSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listProcesses } from '../../src/kit/proc/processes.js';
import { PipeMaker } from '../../src/sandbox/pipe-maker.js';
import { builtInit } from './init/support/compiled.js';

const program = builtInit();
const children = () =>
  listProcesses()
    .filter(({ ppid, comm }) => ppid === process.pid && comm.startsWith('paddock-init'))
    .map(({ pid }) => pid);

describe('the maker of pipes', { timeout: 60_000 }, () => {
  let parent: string;
  // Other files' tests run in this process, too.
  let others: readonly number[];
  const childrenOfOurs = () => children().filter((pid) => !others.includes(pid));
  const folder = (name: string) => {
    mkdirSync(join(parent, name));
    return join(parent, name);
  };
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'paddock-pipes-'));
    others = children();
  });
  afterEach(() => {
    for (const pid of childrenOfOurs()) process.kill(pid, 'SIGKILL');
    rmSync(parent, { recursive: true });
  });

  it('makes many at once by one process, in folders of any name', async () => {
    const maker = new PipeMaker(program);
    const folders = ['a', 'b b', '-', 'ä'.repeat(100), ...Array.from({ length: 60 }, (_, i) => `n${i}`)].map(folder);
    await Promise.all(folders.map((path) => maker.make(path)));
    for (const path of folders) {
      for (const name of ['in', 'out']) {
        const { mode } = lstatSync(join(path, name));
        expect(mode.toString(8)).toBe('10600');
      }
    }
    expect(childrenOfOurs()).toHaveLength(1);
  });

  it('says what went wrong with one, and makes the others', async () => {
    const maker = new PipeMaker(program);
    const there = folder('there');
    const [missing, made, twice] = await Promise.allSettled([
      maker.make(join(parent, 'missing')),
      maker.make(there),
      maker.make(there),
    ]);
    expect(missing).toMatchObject({ reason: { message: 'No such file or directory' } });
    expect(made.status).toBe('fulfilled');
    expect(twice).toMatchObject({ reason: { message: 'File exists' } });
    await expect(maker.make('/tmp/two\nlines')).rejects.toThrow('line break');
    await expect(maker.make(`/${'x'.repeat(5000)}`)).rejects.toThrow('too long');
  });

  it('begins anew after its process was killed', async () => {
    const maker = new PipeMaker(program);
    await maker.make(folder('before'));
    for (const pid of childrenOfOurs()) process.kill(pid, 'SIGKILL');
    await maker.make(folder('after'));
    expect(lstatSync(join(parent, 'after', 'in')).isFIFO()).toBe(true);
  });

  it('waits for one that was stopped only so long, and takes another', async () => {
    const maker = new PipeMaker(program, { patienceMs: 300 });
    await maker.make(folder('before'));
    const [pid = 0] = childrenOfOurs();
    process.kill(pid, 'SIGSTOP');
    await Promise.all(['first', 'second'].map((name) => maker.make(folder(name))));
    expect(lstatSync(join(parent, 'second', 'in')).isFIFO()).toBe(true);
    await expect.poll(childrenOfOurs).not.toContain(pid);
    expect(childrenOfOurs()).toHaveLength(1);
  });

  it('fails where there is no such program', async () => {
    await expect(new PipeMaker('/nowhere/paddock-init').make(parent)).rejects.toThrow('ENOENT');
  });
});
