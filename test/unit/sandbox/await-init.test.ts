import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../../src/kit/clock.js';
import { awaitInit } from '../../../src/sandbox/await-init.js';

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

async function start(command: string, args: readonly string[]): Promise<number> {
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'ignore'] });
  started.push(child);
  await once(child, 'spawn');
  return child.pid ?? 0;
}

/** Counts the pauses, and lets the process go on with the third one. */
function countingClock(): Clock & { pauses: number } {
  const clock = {
    ...systemClock,
    pauses: 0,
    sleep: async (ms: number, signal?: AbortSignal) => {
      clock.pauses += 1;
      if (clock.pauses === 3) started[0]?.stdin?.end('go\n');
      await systemClock.sleep(ms, signal);
    },
  };
  return clock;
}

it('waits for the execve that makes the OCI runtime our init', async () => {
  const pid = await start('/bin/sh', ['-c', 'read line; exec sleep 60']);
  const clock = countingClock();
  await awaitInit(pid, { argv: ['sleep', '60'], name: 'sleep' }, clock);
  expect(clock.pauses).toBeGreaterThanOrEqual(3);
});

it('waits until our init has said which filter it is under', async () => {
  const pid = await start('/bin/sh', ['-c', 'read line; printf init-01 >/proc/$$/comm; read line']);
  const argv = ['/bin/sh', '-c', 'read line; printf init-01 >/proc/$$/comm; read line'];
  const clock = countingClock();
  await awaitInit(pid, { argv, name: 'init-01' }, clock);
  expect(clock.pauses).toBeGreaterThanOrEqual(3);
});

it('returns at once for a process that is gone', async () => {
  const pid = await start('/bin/true', []);
  const [child] = started;
  if (child?.exitCode === null) await once(child, 'exit');
  const clock = countingClock();
  await awaitInit(pid, { argv: ['sleep', '60'], name: 'sleep' }, clock);
  expect(clock.pauses).toBe(0);
});

it('gives up when the caller does', async () => {
  const pid = await start('sleep', ['61']);
  await expect(
    awaitInit(pid, { argv: ['sleep', '60'], name: 'sleep' }, systemClock, AbortSignal.timeout(30)),
  ).rejects.toMatchObject({
    name: 'AbortError',
  });
});
