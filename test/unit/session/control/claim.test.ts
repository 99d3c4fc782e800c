import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readProcessIdentity } from '../../../../src/kit/process-identity.js';
import { claim } from '../../../../src/session/control/claim.js';

describe('a claim on a path', () => {
  let folder = '';
  let path = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-claim-'));
    path = join(folder, 'socket');
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  it('is had by one of many that ask at once, and by the next when that one gives it up', async () => {
    for (let round = 0; round < 20; round += 1) {
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => claim(path)));
      const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      expect(won).toHaveLength(1);
      const lost = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
      for (const error of lost) expect(error).toMatchObject({ code: 'SESSION_NOT_YOURS' });
      await won[0]?.[Symbol.asyncDispose]();
    }
    expect((await readdir(folder)).length).toBeLessThan(24);
  });

  it('of a process that was killed is free', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const identity = await readProcessIdentity(child.pid);
    await writeFile(`${path}.7`, JSON.stringify(identity));
    await expect(claim(path)).rejects.toMatchObject({ code: 'SESSION_NOT_YOURS' });
    child.kill('SIGKILL');
    await once(child, 'close');
    await using mine = await claim(path);
    expect(mine.path).toBe(path);
    expect(await readdir(folder)).toEqual(['socket.7', 'socket.8']);
  });

  it('is not made where nothing can be written', async () => {
    await expect(claim(join(folder, 'missing', 'socket'))).rejects.toMatchObject({ code: 'STATE_UNWRITABLE' });
  });

  it('is free when the last note says nothing that can be read', async () => {
    await writeFile(`${path}.3`, 'garbage');
    await using mine = await claim(path);
    expect(mine.path).toBe(path);
  });
});
