import { expect, it } from 'vitest';
import { counted, readCounters } from '../../../src/monitor/command-counters.js';
import { busyFiles, FixtureKernel, scope } from './support/kernel.js';

it('tells what happened in the sandbox’s cgroup while a command ran', () => {
  const kernel = new FixtureKernel();
  const folder = `${kernel.roots.cgroupRoot}/${scope}`;
  kernel.cgroup(busyFiles);
  const before = readCounters(folder);
  kernel.cgroup({ 'memory.events': 'oom_kill 3\n', 'cpu.stat': 'throttled_usec 2501600\n' });
  expect(counted(before, readCounters(folder, before))).toEqual({ oomKills: 2, sandboxThrottledMs: 2 });
});

it('tells nothing without a cgroup, nor of what was not counted before', () => {
  const kernel = new FixtureKernel();
  kernel.cgroup({ 'cpu.stat': 'usage_usec 1\n' });
  const folder = `${kernel.roots.cgroupRoot}/${scope}`;
  const before = readCounters(folder);
  kernel.cgroup(busyFiles);
  expect([before, counted(before, readCounters(folder, before)), readCounters(undefined)]).toEqual([{}, {}, {}]);
});
