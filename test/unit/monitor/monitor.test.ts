import { expect, it } from 'vitest';
import { cpuRate, Monitor, type WatchedSandbox } from '../../../src/monitor/monitor.js';
import type { Reading } from '../../../src/monitor/reading.js';
import type { UsageTarget } from '../../../src/monitor/usage-reader.js';
import { target } from './support/kernel.js';

const reading = (changes: Partial<Reading> = {}): Reading => ({
  sources: { memory: 'cgroup', cpu: 'cgroup', pids: 'cgroup' },
  ...{ memoryBytes: 1000, cpuUs: 0, pids: 2 },
  ...changes,
});

/** A monitor whose timer is the test, over sandboxes that use what the test says. */
function staged() {
  const clock = {
    nowMs: 50_000,
    now: () => clock.nowMs + 1e12,
    monotonic: () => clock.nowMs,
    sleep: () => Promise.resolve(),
  };
  const timers: { readonly everyMs: number; readonly call: () => void }[] = [];
  const reads: string[][] = [];
  const uses = new Map<string, Reading>();
  const readAll = <T extends UsageTarget>(targets: Iterable<T>) => {
    const all = [...targets];
    reads.push(all.map(({ containerId }) => containerId));
    return new Map(
      all.flatMap((one) => (uses.has(one.containerId) ? [[one, uses.get(one.containerId)]] : [])) as [T, Reading][],
    );
  };
  const repeat = (everyMs: number, call: () => void) => {
    const timer = { everyMs, call };
    timers.push(timer);
    return () => void timers.splice(timers.indexOf(timer), 1);
  };
  const pass = (seconds: number) => {
    for (let i = 0; i < seconds; i += 1) {
      clock.nowMs += 1000;
      for (const { call } of timers) call();
    }
  };
  return { clock, timers, reads, uses, pass, monitor: new Monitor({ clock, reader: { readAll }, repeat }) };
}

function sandbox(id: string, isBusy: () => boolean = () => false): WatchedSandbox {
  return { ...target({ containerId: id }), id, isBusy };
}

it('has one timer for all sandboxes, and none when there are none', async () => {
  const { monitor, timers } = staged();
  expect(timers).toEqual([]);
  const one = monitor.watch(sandbox('a'));
  const two = monitor.watch(sandbox('b'));
  expect(timers).toMatchObject([{ everyMs: 1000 }]);
  await one[Symbol.asyncDispose]();
  expect(timers.length).toBe(1);
  await two[Symbol.asyncDispose]();
  expect(timers).toEqual([]);
  monitor.watch(sandbox('c'));
  expect(timers.length).toBe(1);
});

it('reads busy sandboxes every second and idle ones every ten, these all at once', () => {
  const { monitor, reads, uses, pass } = staged();
  for (const id of ['a', 'b', 'c']) uses.set(id, reading());
  let isBusy = false;
  monitor.watch(sandbox('a', () => isBusy));
  monitor.watch(sandbox('b'));
  monitor.watch(sandbox('c'));
  pass(10);
  expect(reads).toEqual([
    ['a', 'b', 'c'],
    ['a', 'b', 'c'],
  ]);
  isBusy = true;
  pass(10);
  expect(reads.slice(2)).toEqual([...Array.from({ length: 9 }, () => ['a']), ['a', 'b', 'c']]);
});

it('reads one that somebody looks at every second, for as long as the next look may take', () => {
  const { monitor, reads, uses, pass } = staged();
  uses.set('a', reading());
  monitor.watch(sandbox('a'));
  pass(10);
  const before = reads.length;
  monitor.usageOf('a');
  pass(29);
  expect(reads.length).toBe(before + 29);
  pass(20);
  expect(reads.length).toBe(before + 31);
});

it('reads anew for whoever looks, unless that was just done', () => {
  const { monitor, reads, uses, clock } = staged();
  uses.set('a', reading());
  monitor.watch(sandbox('a'));
  expect(monitor.usageOf('a')?.usage).toMatchObject({ atMs: 1e12 + 50_000, memoryBytes: 1000 });
  monitor.usageOf('a');
  expect(reads.length).toBe(1);
  clock.nowMs += 1000;
  uses.set('a', reading({ cpuUs: 250_000 }));
  expect(monitor.usageOf('a')?.usage.cpuMillis).toBe(250);
  expect(reads.length).toBe(2);
});

it('says nothing of a sandbox that is not watched, has ended or can’t be read', async () => {
  const { monitor, uses, clock } = staged();
  uses.set('a', reading());
  expect(monitor.usageOf('a')).toBeUndefined();
  const watch = monitor.watch(sandbox('a'));
  expect(monitor.usageOf('a')).toBeDefined();
  uses.delete('a');
  clock.nowMs += 1000;
  expect(monitor.usageOf('a')).toBeUndefined();
  await watch[Symbol.asyncDispose]();
  expect(monitor.usageOf('a')).toBeUndefined();
});

it('knows the trends of one, five and fifteen minutes', () => {
  const { monitor, uses, pass } = staged();
  monitor.watch(sandbox('a', () => true));
  const use = (minutes: number, memoryBytes: number) => {
    for (let i = 0; i < minutes * 60; i += 1) {
      uses.set('a', reading({ memoryBytes }));
      pass(1);
    }
  };
  use(10, 100);
  use(4, 200);
  use(1, 300);
  const trends = monitor.usageOf('a')?.trends;
  expect(trends?.['1m'].memoryBytes).toMatchObject({ min: 300, max: 300, avg: 300, last: 300 });
  expect(trends?.['5m'].memoryBytes).toMatchObject({ min: 200, max: 300, avg: 220, last: 300 });
  expect(trends?.['15m'].memoryBytes).toMatchObject({ min: 100, max: 300, avg: 140, last: 300 });
  use(16, 400);
  expect(monitor.usageOf('a')?.trends['15m'].memoryBytes).toMatchObject({ min: 400 });
});

it('averages over time and not over samples, which come slower when nothing runs', () => {
  const { monitor, uses, pass } = staged();
  let isBusy = false;
  monitor.watch(sandbox('a', () => isBusy));
  uses.set('a', reading({ memoryBytes: 100 }));
  pass(50);
  isBusy = true;
  uses.set('a', reading({ memoryBytes: 200 }));
  pass(20);
  expect(monitor.usageOf('a')?.trends['1m'].memoryBytes).toEqual({ min: 100, avg: 133, max: 200, last: 200 });
});

it('leaves out of the trends what is not known', () => {
  const { monitor, uses, pass } = staged();
  uses.set('a', { sources: { pids: 'engine' }, pids: 3 });
  monitor.watch(sandbox('a', () => true));
  pass(3);
  expect(monitor.usageOf('a')).toMatchObject({ usage: { pids: 3 }, trends: { '1m': { pids: { min: 3, max: 3 } } } });
  expect(Object.keys(monitor.usageOf('a')?.trends['15m'] ?? {})).toEqual(['pids']);
});

it('tells no CPU rate of numbers from different places, and none below zero', () => {
  const bySum = reading({ sources: { cpu: 'processes' }, cpuUs: 9_000_000 });
  expect(cpuRate(reading(), bySum, 1000)).toBeUndefined();
  expect(cpuRate(bySum, { ...bySum, cpuUs: 8_000_000 }, 1000)).toBe(0);
  expect(cpuRate(bySum, { ...bySum, cpuUs: 10_500_000 }, 1000)).toBe(1500);
  expect(cpuRate(bySum, bySum, 0)).toBeUndefined();
});

it('never says less processor time of a sandbox than before, also where it could not be read in between', () => {
  const { monitor, uses, pass } = staged();
  monitor.watch(sandbox('a', () => true));
  const processes = { memory: 'processes', cpu: 'processes', pids: 'processes' } as const;
  const said = [5_000_000, 3_000_000, undefined, 4_000_000, 6_000_000].map((cpuUs) => {
    if (cpuUs === undefined) uses.delete('a');
    else uses.set('a', reading({ sources: processes, cpuUs, userUs: cpuUs, systemUs: 7 }));
    pass(1);
    const usage = monitor.usageOf('a')?.usage;
    return [usage?.cpuUs, usage?.userUs, usage?.systemUs, usage?.cpuMillis];
  });
  expect(said).toEqual([
    [5_000_000, 5_000_000, 7, undefined],
    [5_000_000, 5_000_000, 7, 0],
    [undefined, undefined, undefined, undefined],
    [5_000_000, 5_000_000, 7, undefined],
    [7_000_000, 7_000_000, 7, 2000],
  ]);
});

it.each([
  ['comes back by the next reading', [5, 3, 6, 7], [5, 5, 6, 7]],
  ['stays away, as of processes that nobody waits for', [5, 1, 2, 3, 0, 1, 4], [5, 5, 5, 6, 6, 6, 9]],
])('goes on counting where what it misses of processor time %s', (_what, seconds, expected) => {
  const { monitor, uses, pass } = staged();
  monitor.watch(sandbox('a', () => true));
  const said = seconds.map((each) => {
    uses.set('a', reading({ sources: { cpu: 'processes' }, cpuUs: each * 1_000_000 }));
    pass(1);
    return Number(monitor.usageOf('a')?.usage.cpuUs) / 1_000_000;
  });
  expect(said).toEqual(expected);
});

it('goes on counting processor time where another source takes over, and back', () => {
  const { monitor, uses, pass } = staged();
  monitor.watch(sandbox('a', () => true));
  const read = [
    ['cgroup', 100],
    ['processes', 60],
    ['processes', 62],
    ['cgroup', 101],
    ['cgroup', 105],
  ] as const;
  const said = read.map(([cpu, cpuUs]) => {
    uses.set('a', reading({ sources: { cpu }, cpuUs }));
    pass(1);
    return monitor.usageOf('a')?.usage.cpuUs;
  });
  expect(said).toEqual([100, 100, 102, 102, 106]);
});

it('does not make up processor time that a reading does not have', () => {
  const { monitor, uses, pass } = staged();
  monitor.watch(sandbox('a', () => true));
  uses.set('a', reading({ cpuUs: 9 }));
  pass(1);
  uses.set('a', { sources: { memory: 'cgroup' }, memoryBytes: 1000 });
  pass(1);
  expect(monitor.usageOf('a')?.usage).not.toHaveProperty('cpuUs');
});

it('holds the time of one sandbox against no other of the same name after it', async () => {
  const { monitor, uses, pass } = staged();
  const first = monitor.watch(sandbox('a', () => true));
  uses.set('a', reading({ cpuUs: 9 }));
  pass(1);
  await first[Symbol.asyncDispose]();
  monitor.watch(sandbox('a', () => true));
  uses.set('a', reading({ cpuUs: 2 }));
  pass(1);
  expect(monitor.usageOf('a')?.usage.cpuUs).toBe(2);
});
