import { expect, it } from 'vitest';
import { RecordedUsage } from '../../../src/cli/recorded-usage.js';
import { statsTable } from '../../../src/cli/stats-rows.js';
import { readProcess } from '../../../src/kit/proc/processes.js';
import { readLinkOrNothing } from '../../../src/kit/proc/read.js';
import { UsageReader } from '../../../src/monitor/usage-reader.js';
import { record } from '../session/support/records.js';
import { HeldClock } from '../tools/support/stage.js';

const mib = 1024 ** 2;
const { spec } = record();
const limits = { ...spec.limits, memoryBytes: 100 * mib, cpuMillis: 2000, pids: 64 };

/** A record whose process 1 is this process. */
function ours(startTicks = Number(readProcess(process.pid)?.startTicks)) {
  const namespace = readLinkOrNothing(`/proc/${process.pid}/ns/pid`) ?? '';
  const container = { id: 'c'.repeat(64), initPid: process.pid, namespace, initStartTicks: startTicks };
  return record({ container, spec: { ...spec, limits } });
}

it('reads what a recorded sandbox uses, and a CPU rate at the second look', () => {
  const clock = new HeldClock();
  const usage = new RecordedUsage(new UsageReader(), clock);
  const one = ours();
  const first = usage.read([one]).get(one.id);
  expect(first?.memoryBytes).toBeGreaterThan(10 * mib);
  expect(first).not.toHaveProperty('cpuMillis');
  clock.nowMs += 1000;
  expect(usage.read([one]).get(one.id)?.cpuMillis).toBeGreaterThanOrEqual(0);
});

it('takes no process for a sandbox’s that merely has its pid', () => {
  const usage = new RecordedUsage(new UsageReader(), new HeldClock());
  const [stale, unfinished] = [ours(1), record()];
  expect(usage.read([stale, unfinished]).size).toBe(0);
});

it('shows shares of the limits as bars, in which something is never nothing and only what is full is full', () => {
  const sources = { memory: 'cgroup', cpu: 'cgroup', pids: 'cgroup' } as const;
  const row = (memoryBytes: number | undefined, cpuMillis: number | undefined) => ({
    record: record({ spec: { ...spec, limits }, name: 'a\u001b[2Jb' }),
    state: 'running',
    usage: {
      sources,
      atMs: 0,
      pids: 3,
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(cpuMillis === undefined ? {} : { cpuMillis }),
    },
  });
  const lines = statsTable([row(1, 0), row(99.9 * mib, 1000), row(100 * mib, 2500), row(undefined, undefined)]).split(
    '\n',
  );
  expect(lines[0]).toMatch(/^SESSION +STATE +MEMORY +CPU +PIDS +SOURCE +NAME$/);
  expect(lines[1]).toMatch(/ 1 B \/ 100 MiB +\[#\.{7}\] {2}0\.00 \/ 2 {2}\[\.{8}\] {2}3 \/ 64 {2}cgroup /);
  expect(lines[2]).toContain('[#######.]  1.00 / 2  [####....]');
  expect(lines[3]).toContain('[########]  2.50 / 2  [########]');
  expect(lines[4]).toMatch(/ \? \/ 100 MiB +\[\?{8}\] {2}\? \/ 2 +\[\?{8}\]/);
  expect(lines.join('')).not.toContain('\u001b');
  expect(statsTable([{ record: record(), state: 'ended' }])).toMatch(/ended +- +- +- +- +-$/);
  expect(statsTable([])).toBe('no sessions');
});
