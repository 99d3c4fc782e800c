import { expect, it } from 'vitest';
import { ownCgroup } from '../../../src/monitor/own-cgroup.js';
import { UsageReader } from '../../../src/monitor/usage-reader.js';
import { busyFiles, containerId, FixtureKernel, scope, target, units } from './support/kernel.js';

function sandbox(cgroup = `/${scope}/container`) {
  const kernel = new FixtureKernel();
  kernel.process({ pid: 70, namespace: 'pid:[7]', ticks: [10, 20, 300, 40], pages: 256, cgroup });
  kernel.process({ pid: 71, ppid: 70, namespace: 'pid:[7]', threads: 3, ticks: [100, 0, 0, 0], pages: 1024 });
  return { kernel, reader: new UsageReader(kernel.roots, units) };
}

it('reads every counter of the sandbox’s own cgroup, of which crun puts the processes into a folder below', () => {
  const { kernel, reader } = sandbox();
  kernel.cgroup(busyFiles);
  kernel.cgroup({ 'memory.current': '1\n', 'memory.max': 'max\n', 'pids.max': 'max\n' }, `${scope}/container`);
  expect(reader.read(target())).toEqual({
    sources: { memory: 'cgroup', cpu: 'cgroup', pids: 'cgroup' },
    ...{ memoryBytes: 104857600, memoryPeakBytes: 125829120, memoryMaxBytes: 134217728, swapBytes: 0 },
    ...{ memoryHighs: 3, memoryMaxes: 7, ooms: 2, oomKills: 1 },
    ...{ cpuUs: 5000000, userUs: 4000000, systemUs: 1000000 },
    ...{ cpuPeriods: 100, throttledPeriods: 40, throttledUs: 2500000 },
    ...{ pids: 12, pidsPeak: 30, pidsMax: 60, pidsRefused: 5 },
    ...{ readBytes: 4196, writtenBytes: 8192, ioOperations: 6 },
    memoryPressure: { someAvg10: 12.5, fullAvg10: 4.25, someTotalUs: 900000, fullTotalUs: 300000 },
    cpuPressure: { someAvg10: 50, someTotalUs: 77 },
  });
});

it('takes the tighter limit of the folder and the one below', () => {
  const { kernel, reader } = sandbox();
  kernel.cgroup(busyFiles);
  kernel.cgroup({ 'memory.max': '1000\n', 'pids.max': '5\n' }, `${scope}/container`);
  expect(reader.read(target())).toMatchObject({ memoryMaxBytes: 1000, pidsMax: 5 });
});

it('leaves out what the kernel does not tell, and shows no limit as none', () => {
  const { kernel, reader } = sandbox();
  kernel.cgroup({
    'memory.current': '5\n',
    'memory.max': 'max\n',
    'cpu.stat': 'usage_usec 9\n',
    'pids.current': '2\n',
  });
  expect(reader.read(target())).toEqual({
    sources: { memory: 'cgroup', cpu: 'cgroup', pids: 'cgroup' },
    ...{ memoryBytes: 5, cpuUs: 9, pids: 2 },
  });
});

it.each([
  ['the caller’s own', '/user.slice/shell.scope'],
  ['one that names another container', `/user.slice/libpod-${'d'.repeat(64)}.scope/container`],
  ['one outside of what can be seen', `/../${scope}`],
])('a cgroup that is %s is not the sandbox’s: its processes are added up', (_, cgroup) => {
  const { kernel, reader } = sandbox(cgroup);
  kernel.cgroup(busyFiles);
  kernel.cgroup(busyFiles, cgroup.slice(1).replace('../', ''));
  expect(reader.read(target())).toEqual({
    sources: { memory: 'processes', cpu: 'processes', pids: 'processes' },
    ...{ memoryBytes: 1280 * 4096, pids: 4, userUs: 4100000, systemUs: 600000, cpuUs: 4700000 },
  });
});

it('takes from the processes what a cgroup of its own does not count', () => {
  const { kernel, reader } = sandbox();
  kernel.cgroup({ 'cpu.stat': busyFiles['cpu.stat'], 'pids.current': '2\n' });
  const reading = reader.read(target());
  expect(reading).toMatchObject({
    sources: { memory: 'processes', cpu: 'cgroup', pids: 'cgroup' },
    ...{ memoryBytes: 1280 * 4096, cpuUs: 5000000, pids: 2, throttledUs: 2500000 },
  });
});

it('adds up several sandboxes at once, each with the namespaces made inside and with what waits to be waited for', () => {
  const { kernel, reader } = sandbox('/');
  kernel.process({ pid: 80, namespace: 'pid:[8]', pages: 1 });
  kernel.process({ pid: 81, ppid: 80, namespace: 'pid:[81]', pages: 2 });
  kernel.process({ pid: 82, ppid: 81, namespace: 'pid:[82]', pages: 4, ticks: [1, 0, 0, 0] });
  kernel.process({ pid: 83, ppid: 80, namespace: 'pid:[8]', state: 'Z', threads: 0, ticks: [2, 0, 0, 0] });
  kernel.process({ pid: 90, namespace: 'pid:[9]', pages: 8 });
  kernel.process({ pid: 91, namespace: 'pid:[1]', pages: 16 });
  const [one, two] = [target(), target({ initPid: 80, namespace: 'pid:[8]' })];
  const readings = reader.readAll([one, two]);
  expect(readings.get(one)).toMatchObject({ memoryBytes: 1280 * 4096 });
  expect(readings.get(two)).toMatchObject({ memoryBytes: 7 * 4096, pids: 4, cpuUs: 30000 });
});

it('reads nothing of a sandbox that has ended, whoever has its pid now', () => {
  const { kernel, reader } = sandbox();
  kernel.cgroup(busyFiles);
  expect(reader.read(target({ isAlive: () => false }))).toBeUndefined();
  kernel.end(70);
  kernel.end(71);
  expect(reader.read(target())).toBeUndefined();
});

it('does not take malformed numbers for numbers', () => {
  const { kernel, reader } = sandbox();
  kernel.cgroup({
    'memory.current': '-1\n',
    'cpu.stat': 'usage_usec x\nuser_usec 3 4\n',
    'pids.current': '9'.repeat(40),
    'memory.pressure': 'some avg10=x total=1\n',
  });
  expect(reader.read(target())).toEqual({
    sources: { memory: 'processes', cpu: 'processes', pids: 'processes' },
    ...{ memoryBytes: 1280 * 4096, pids: 4, userUs: 4100000, systemUs: 600000, cpuUs: 4700000 },
  });
});

it('finds the folder that is named after the container, and none for an id that is empty', () => {
  const { kernel } = sandbox(`/docker/${containerId}`);
  expect(ownCgroup(70, containerId, kernel.roots)).toBe(`${kernel.roots.cgroupRoot}/docker/${containerId}`);
  expect(ownCgroup(70, '', kernel.roots)).toBeUndefined();
  expect(ownCgroup(4711, containerId, kernel.roots)).toBeUndefined();
});
