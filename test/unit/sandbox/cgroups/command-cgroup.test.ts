import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Clock } from '../../../../src/kit/clock.js';
import { type CgroupKeeper, CgroupRefused } from '../../../../src/sandbox/cgroups/cgroup-keeper.js';
import { CommandCgroup } from '../../../../src/sandbox/cgroups/command-cgroup.js';

const { EBUSY, EPERM } = constants.errno;
const refused = (errno: number) => new CgroupRefused('leave', new Error(`${errno}`));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'paddock-cgroup-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function setUp() {
  const keeper = { leave: vi.fn(() => Promise.resolve()), kill: vi.fn(() => Promise.resolve()) };
  const clock = { sleep: vi.fn(() => Promise.resolve()) };
  const above = { initPid: 100, folder };
  const cgroup = new CommandCgroup(keeper as unknown as CgroupKeeper, above, 7, clock as unknown as Clock);
  return { cgroup, keeper, clock };
}

describe('the cgroup of a command', () => {
  it('tells what the kernel keeps, and nothing of what it does not', () => {
    const own = join(folder, 'cmd-7');
    mkdirSync(own);
    writeFileSync(join(own, 'cpu.stat'), 'usage_usec 3500\nuser_usec 1500\nsystem_usec 2000\n');
    writeFileSync(join(own, 'memory.events'), 'low 0\noom 1\noom_kill 3\noom_group_kill 1\n');
    const { cgroup } = setUp();
    expect(cgroup.usage()).toEqual({ userCpuMs: 1.5, systemCpuMs: 2, oomKills: 3 });
    writeFileSync(join(own, 'memory.peak'), '4096\n');
    writeFileSync(join(own, 'pids.peak'), '5\n');
    expect(cgroup.usage()).toMatchObject({ peakTreeBytes: 4096, peakProcesses: 5 });
  });

  it('tells nothing when it is gone', () => {
    expect(setUp().cgroup.usage()).toEqual({});
  });

  it('is removed as soon as the kernel lets it', async () => {
    const { cgroup, keeper, clock } = setUp();
    keeper.leave.mockRejectedValueOnce(refused(EBUSY)).mockRejectedValueOnce(refused(EBUSY));
    await cgroup.leave();
    expect(keeper.leave).toHaveBeenCalledTimes(3);
    expect(clock.sleep).toHaveBeenCalledTimes(2);
    expect(keeper.kill).not.toHaveBeenCalled();
  });

  it('has what does not leave it killed, and is given up after ten tries', async () => {
    const { cgroup, keeper } = setUp();
    keeper.leave.mockRejectedValue(refused(EBUSY));
    await cgroup.leave();
    expect(keeper.kill).toHaveBeenCalledTimes(1);
    expect(keeper.kill).toHaveBeenCalledWith({ initPid: 100, folder }, 7);
    expect(keeper.leave).toHaveBeenCalledTimes(10);
  });

  it('is left to its sandbox’s end when it can’t be removed', async () => {
    const { cgroup, keeper } = setUp();
    keeper.leave.mockRejectedValue(refused(EPERM));
    await cgroup.leave();
    expect(keeper.leave).toHaveBeenCalledTimes(1);
  });
});
