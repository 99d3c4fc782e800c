import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/kit/clock.js';
import { judgeProcesses, type KillScope, killTree } from '../../../src/sandbox/command/kill-tree.js';
import { type MarkedProcess, markedProcessesOf } from '../../../src/sandbox/command/marked-processes.js';
import { pidNamespaceOf, signalProcess, startTicksOf } from '../../../src/sandbox/processes.js';

const ns = 'pid:[1]';
const init = 100;

function process_(pid: number, ppid: number, mark?: string, settled = true): MarkedProcess {
  return { pid, ppid, startTicks: '7', namespace: ns, mark, settled };
}

function scope(changes: Partial<KillScope> = {}): KillScope {
  return { initPid: init, otherMarks: new Set(), otherPids: new Set(), unmarkedSpared: false, ...changes };
}

function pids(all: readonly MarkedProcess[], of: KillScope): number[] {
  return judgeProcesses([process_(init, 1), ...all], of).victims.map((p) => p.pid);
}

describe('whose a process of a sandbox is', () => {
  const other = scope({ otherMarks: new Set(['theirs']) });

  it('never process 1, and everything else when nothing else runs', () => {
    const all = [
      process_(2, 1, 'ours'),
      process_(3, init),
      process_(4, 2, 'forged'),
      process_(5, init, undefined, false),
    ];
    expect(pids(all, scope())).toEqual([2, 3, 4, 5]);
  });

  it('another command’s by its mark, wherever its parent is', () => {
    expect(pids([process_(2, 1, 'ours'), process_(3, 1, 'theirs'), process_(4, init, 'theirs')], other)).toEqual([2]);
  });

  it('another command’s by descent, when it has dropped the mark but not its parent', () => {
    expect(pids([process_(3, 1, 'theirs'), process_(4, 3), process_(5, 4)], other)).toEqual([]);
    expect(pids([process_(2, 1, 'ours'), process_(4, 2), process_(5, 4)], other)).toEqual([2, 4, 5]);
  });

  it('another command’s when it is the first process of it, also without a mark', () => {
    const known = scope({ otherMarks: new Set(['theirs']), otherPids: new Set([7]) });
    expect(pids([process_(7, 1), process_(8, 7), process_(9, init)], known)).toEqual([9]);
  });

  it('nobody’s, and so included, when it has dropped its mark and its parent', () => {
    expect(pids([process_(3, 1, 'theirs'), process_(9, init)], other)).toEqual([9]);
  });

  it('of a mark that no live command has: nobody’s', () => {
    expect(pids([process_(9, init, 'of a command that has ended')], other)).toEqual([9]);
  });

  it('undecided without a mark while another command is starting, and never a victim then', () => {
    const starting = scope({ otherMarks: new Set(['theirs']), unmarkedSpared: true });
    const all = [process_(init, 1), process_(2, 1, 'ours'), process_(9, 1)];
    expect(judgeProcesses(all, starting)).toEqual({ victims: [all[1]], isUndecided: true });
  });

  it('undecided in the middle of an exec, when a marked process shows no mark, if another command runs', () => {
    const all = [process_(init, 1), process_(9, init, undefined, false)];
    expect(judgeProcesses(all, other)).toEqual({ victims: [], isUndecided: true });
    expect(judgeProcesses(all, scope())).toEqual({ victims: [all[1]], isUndecided: false });
  });

  it('decided even when parents form a loop or a very long line', () => {
    expect(pids([process_(2, 3), process_(3, 2)], other)).toEqual([2, 3]);
    const line = Array.from({ length: 3000 }, (_, n) => process_(1000 + n, 999 + n));
    expect(pids(line, other)).toHaveLength(3000);
  });
});

describe('the processes of a pid namespace', () => {
  const started: ChildProcess[] = [];
  afterEach(() => {
    for (const child of started.splice(0)) child.kill('SIGKILL');
  });

  async function child(args: string[], env: Record<string, string>): Promise<ChildProcess> {
    const [command = '', ...rest] = args;
    const made = spawn(command, rest, { env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: 'ignore' });
    started.push(made);
    await once(made, 'spawn');
    return made;
  }

  it('are found with their parent and mark, and not after they have ended', async () => {
    const own = pidNamespaceOf(process.pid) ?? '';
    const made = await child(['sleep', '1000'], { PADDOCK_COMMAND: 'cmd_x' });
    const find = () => markedProcessesOf(own).find((p) => p.pid === made.pid);
    const startTicks = String(startTicksOf(made.pid ?? 0));
    const expected = { pid: made.pid, ppid: process.pid, startTicks, namespace: own };
    await expect.poll(find).toEqual({ ...expected, mark: 'cmd_x', settled: true });
    const found = find();
    if (found === undefined) throw new Error('it was there');
    // A pid that has come to belong to another namespace, or to another process, is left alone.
    signalProcess({ ...found, startTicks: '1' }, 'SIGKILL');
    signalProcess({ ...found, namespace: 'pid:[2]' }, 'SIGKILL');
    signalProcess(found, 'SIGTERM');
    expect(await once(made, 'exit')).toEqual([null, 'SIGTERM']);
    expect(find()).toBeUndefined();
    signalProcess(found, 'SIGKILL');
  });

  it('without any environment are settled: they show their arguments', async () => {
    const made = await child(['env', '-i', 'sleep', '1000'], { PADDOCK_COMMAND: 'cmd_x' });
    const find = () => markedProcessesOf(pidNamespaceOf(process.pid) ?? '').find((p) => p.pid === made.pid);
    await expect.poll(find).toMatchObject({ mark: undefined, settled: true });
  });
});

describe('killing', () => {
  it('an empty sandbox is done at once, without asking anything', async () => {
    const target = {
      namespace: 'pid:[1]',
      isAlive: () => true,
      scope: () => scope(),
      learn: () => Promise.reject(new Error('nothing to learn')),
    };
    expect(await killTree(target, { graceMs: 2000, deadlineMs: 5000 }, systemClock)).toEqual({
      found: 0,
      complete: true,
    });
  });
});
