import { expect, it } from 'vitest';
import { readFromEngine } from '../../../src/monitor/engine-reading.js';
import { usageText } from '../../../src/monitor/usage-text.js';

const mib = 1024 ** 2;

it('says what a session uses of what it may, where that comes from, and what happened', () => {
  const trend = { min: 1, avg: 2, max: 3, last: 3 };
  const ofWindow = { memoryBytes: { min: mib, avg: 2 * mib, max: 3 * mib, last: mib }, cpuMillis: trend, pids: trend };
  const text = usageText(
    {
      sources: { memory: 'cgroup', cpu: 'cgroup', pids: 'cgroup' },
      ...{ atMs: 0, memoryBytes: 100 * mib, memoryMaxBytes: 128 * mib, memoryPeakBytes: 120 * mib },
      ...{ cpuMillis: 1250, cpuUs: 5_000_000, pids: 12, pidsMax: 60, oomKills: 1, pidsRefused: 5 },
      ...{ cpuPeriods: 100, throttledPeriods: 40, throttledUs: 2_500_000 },
    },
    { '1m': ofWindow, '5m': ofWindow, '15m': ofWindow },
  );
  expect(text.split('\n')).toEqual([
    'usage: memory 100 MiB of 128 MiB (peak 120 MiB), cpu 1.25 (5s so far), pids 12 of 60, by cgroup',
    '  since its start: 1 killed for memory, 5 forks refused, held back by the CPU quota in 40 of 100 periods, 2s',
    '  last 5 min: memory 1 MiB – 3 MiB, 2 MiB on average; cpu 0.00 – 0.00, 0.00 on average; pids 1 – 3, 2 on average',
  ]);
});

it('says what it does not know', () => {
  expect(usageText(undefined)).toBe('usage: unknown');
  expect(usageText({ sources: { memory: 'processes', pids: 'engine' }, atMs: 0, memoryBytes: 5 })).toBe(
    'usage: memory 5 B, cpu ?, pids unknown, by memory: processes, pids: engine',
  );
});

it('takes the engine’s word only for what it says, and its failure for nothing', async () => {
  const engine = (answer: () => Promise<object>) => readFromEngine({ containerStats: answer }, 'c');
  expect(await engine(() => Promise.resolve({}))).toBeUndefined();
  expect(await engine(() => Promise.reject(new Error('gone')))).toBeUndefined();
  expect(await engine(() => Promise.resolve({ pids: 4 }))).toEqual({ sources: { pids: 'engine' }, pids: 4 });
});
