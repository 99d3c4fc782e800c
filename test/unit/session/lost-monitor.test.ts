import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/kit/clock.js';
import { readProcess } from '../../../src/kit/proc/processes.js';
import { endLostMonitor } from '../../../src/session/lost-monitor.js';

const uid = process.getuid?.() ?? 0;
const children: ChildProcess[] = [];

/** A process that looks like conmon for that container and has a child; prints the child's pid. */
async function standIn(containerName: string, program = '/usr/bin/conmon'): Promise<{ pid: number; child: number }> {
  const script = 'exec -a "$1" sh -c "sleep 1000 & echo \\$!; wait" sh -n "$2"';
  const started = spawn('bash', ['-c', script, 'bash', program, containerName], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(started);
  const [line] = (await once(started.stdout, 'data')) as [Buffer];
  return { pid: started.pid ?? 0, child: Number(line.toString()) };
}

const isUnknown = () => Promise.resolve(false);
const isRunning = (pid: number) => !['Z', 'X', undefined].includes(readProcess(pid)?.state);

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
});

describe('a monitor that its engine has lost', () => {
  it('is ended with what it holds, by the exact name of its container', async () => {
    const lost = await standIn('paddock-abcdefghijkl');
    expect(await endLostMonitor('paddock-abcdefghijkl', uid, systemClock, isUnknown)).toBe(2);
    await expect.poll(() => isRunning(lost.child)).toBe(false);
    await expect.poll(() => isRunning(lost.pid)).toBe(false);
  });

  it('is left alone when the engine has a container of that name, whosever it is', async () => {
    const others = await standIn('paddock-abcdefghijkl');
    const isKnown = () => Promise.resolve(true);
    expect(await endLostMonitor('paddock-abcdefghijkl', uid, systemClock, isKnown)).toBe(0);
    expect([isRunning(others.pid), isRunning(others.child)]).toEqual([true, true]);
    process.kill(others.child, 'SIGKILL');
  });

  it('is left alone with another name, another program or another owner', async () => {
    const longer = await standIn('paddock-abcdefghijkl2');
    const other = await standIn('paddock-abcdefghijkl', '/usr/bin/sleep');
    const same = await standIn('paddock-mnopqrstuvwx');
    expect(await endLostMonitor('paddock-abcdefghijkl', uid, systemClock, isUnknown)).toBe(0);
    expect(await endLostMonitor('paddock-mnopqrstuvwx', uid + 1, systemClock, isUnknown)).toBe(0);
    for (const one of [longer, other, same]) {
      expect([isRunning(one.pid), isRunning(one.child)]).toEqual([true, true]);
      process.kill(one.child, 'SIGKILL');
    }
  });
});
