import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { isAlive, readProcessIdentity } from '../../../src/kit/process-identity.js';

describe('the identity of a process', () => {
  it('is found for this process, the same every time, and alive', async () => {
    const self = await readProcessIdentity();
    expect(self?.pid).toBe(process.pid);
    expect(self?.startTimeTicks).toBeGreaterThan(0);
    expect(self?.bootId).toMatch(/^[0-9a-f-]{36}$/);
    expect(await readProcessIdentity(process.pid)).toEqual(self);
    expect(await isAlive(self!)).toBe(true);
  });

  it('is not that of another start, another boot or another pid', async () => {
    const self = (await readProcessIdentity())!;
    expect(await isAlive({ ...self, startTimeTicks: self.startTimeTicks + 1 })).toBe(false);
    expect(await isAlive({ ...self, bootId: '00000000-0000-0000-0000-000000000000' })).toBe(false);
    expect(await isAlive({ ...self, pid: 1 })).toBe(false);
  });

  it.each([0, -1, 1.5, Number.NaN, 2 ** 31 - 1])('does not exist for pid %s', async (pid) => {
    expect(await readProcessIdentity(pid)).toBeUndefined();
  });

  it('is read right when the name of the program forges the rest of the line, and ends with the process', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'paddock-pid-'));
    const program = join(dir, 'a) Z 1 (b 2 3');
    await copyFile('/bin/sleep', program);
    const child = spawn(program, ['60'], { stdio: 'ignore' });
    try {
      await once(child, 'spawn');
      const self = (await readProcessIdentity())!;
      const identity = (await readProcessIdentity(child.pid))!;
      expect(identity.startTimeTicks).toBeGreaterThanOrEqual(self.startTimeTicks);
      expect(await isAlive(identity)).toBe(true);
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(await isAlive(identity)).toBe(false);
    } finally {
      child.kill('SIGKILL');
      await rm(dir, { recursive: true });
    }
  });

  it('is not alive once the process has ended, though nobody has reaped it yet', async () => {
    // The shell replaces itself with a sleep that never reaps the child it inherits.
    const parent = spawn('sh', ['-c', 'sleep 0.05 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
      const identity = (await readProcessIdentity(Number(chunk.toString())))!;
      for (let round = 0; round < 200 && (await isAlive(identity)); round += 1) await sleep(10);
      expect(await isAlive(identity)).toBe(false);
      expect(await readProcessIdentity(identity.pid)).toEqual(identity);
    } finally {
      parent.kill('SIGKILL');
    }
  });
});
