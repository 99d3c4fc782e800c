import { expect, it } from 'vitest';
import { builtInPolicy } from '../../../../src/config/built-in-policy.js';
import { PolicyDenied, SessionError } from '../../../../src/core/errors.js';
import type { Alarm } from '../../../../src/monitor/alarms/alarm.js';
import type { HostFacts } from '../../../../src/monitor/alarms/conditions.js';
import { Monitoring, type MonitoringHeard } from '../../../../src/monitor/monitoring.js';
import type { Reading } from '../../../../src/monitor/reading.js';
import type { UsageTarget } from '../../../../src/monitor/usage-reader.js';
import { target } from '../support/kernel.js';

const thresholds = builtInPolicy('/').alarms;
const idle: Reading = {
  sources: { memory: 'cgroup', cpu: 'cgroup', pids: 'cgroup' },
  ...{ memoryBytes: 10, memoryMaxBytes: 100, cpuUs: 0, cpuPeriods: 0, throttledPeriods: 0 },
  ...{ pids: 2, pidsMax: 100, pidsRefused: 0, oomKills: 0 },
};

/** Monitoring of one busy session whose readings and host are the test's, one turn a second. */
function staged(heard: MonitoringHeard = {}) {
  const clock = { nowMs: 0, now: () => clock.nowMs, monotonic: () => clock.nowMs, sleep: () => Promise.resolve() };
  const alarms: Alarm[] = [];
  const host: { pressure: HostFacts['pressure'] } = { pressure: {} };
  let reading = idle;
  let turn: () => void = () => undefined;
  const readAll = <T extends UsageTarget>(all: Iterable<T>) => new Map([...all].map((one) => [one, reading]));
  const monitoring = new Monitoring({
    ...{ clock, thresholds, heard, reader: { readAll } },
    onAlarm: (alarm) => void alarms.push(alarm),
    host: () => ({ ...host, cpuCount: 4, memoryBytes: 1000 }),
    repeat: (_, call) => {
      turn = call;
      return () => undefined;
    },
  });
  const watch = monitoring.watch({ ...target(), id: 's', isBusy: () => true });
  const pass = (seconds: number, change: (before: Reading) => Partial<Reading> = () => ({})) => {
    for (let i = 0; i < seconds; i += 1) {
      reading = { ...reading, ...change(reading) };
      clock.nowMs += 1000;
      turn();
    }
  };
  const told = () => alarms.splice(0).map(({ kind, level }) => `${kind} ${level}`);
  pass(1);
  return { clock, monitoring, watch, host, pass, told, alarms };
}

it('says nothing of what is as it should be', () => {
  const { pass, told, monitoring } = staged();
  pass(600, ({ cpuPeriods = 0 }) => ({ cpuPeriods: cpuPeriods + 10 }));
  expect([told(), monitoring.stateOf('s').alarms]).toEqual([[], []]);
});

it('tells a kill for memory at once, and again only when a minute went by without one', () => {
  const { pass, told, monitoring, alarms } = staged();
  const kill = ({ oomKills = 0 }: Reading) => ({ oomKills: oomKills + 1 });
  pass(1, kill);
  expect(alarms).toMatchObject([
    { session: 's', kind: 'oom', level: 'critical', values: { oomKills: 1 }, text: expect.stringContaining('100 B') },
  ]);
  told();
  pass(50);
  pass(1, kill);
  pass(59);
  expect(told()).toEqual([]);
  expect(monitoring.stateOf('s').alarms).toMatchObject([{ kind: 'oom', inForce: true }]);
  pass(2);
  expect(monitoring.stateOf('s').alarms).toMatchObject([{ kind: 'oom', inForce: false }]);
  pass(1, kill);
  expect(told()).toEqual(['oom critical']);
  expect(monitoring.stateOf('s').alarms).toMatchObject([{ inForce: false }, { inForce: true }]);
});

it('does not take what happened before it watched for news', () => {
  const { monitoring, pass, told } = staged();
  monitoring.watch({ ...target(), id: 'other', isBusy: () => true });
  pass(1, () => ({ oomKills: 7 }));
  expect(told()).toEqual(['oom critical']);
  pass(5);
  expect(told()).toEqual([]);
});

it('tells throttling when it has lasted for a minute without a break', () => {
  const { pass, told } = staged();
  const held =
    (share: number) =>
    ({ cpuPeriods = 0, throttledPeriods = 0 }: Reading) => ({
      cpuPeriods: cpuPeriods + 10,
      throttledPeriods: throttledPeriods + share,
    });
  pass(50, held(9));
  pass(1, held(1));
  pass(60, held(9));
  expect(told()).toEqual([]);
  pass(1, held(9));
  expect(told()).toEqual(['throttled warning']);
  // Between the threshold and four fifths of it nothing changes.
  pass(200, held(7));
  pass(120, held(9));
  expect(told()).toEqual([]);
  pass(62, held(1));
  pass(62, held(9));
  expect(told()).toEqual(['throttled warning']);
});

it('tells processes near their limit, and forks that failed', () => {
  const near = staged();
  near.pass(1, () => ({ pids: 90 }));
  expect(near.told()).toEqual(['pids warning']);
  const failed = staged();
  failed.pass(1, () => ({ pidsRefused: 3 }));
  expect(failed.alarms[0]).toMatchObject({ kind: 'pids', level: 'critical', values: { refused: 3, pidsMax: 100 } });
});

it('tells forks that failed also of one that was near its limit before, once, and nothing less while that is so', () => {
  const { pass, told, monitoring } = staged();
  pass(5, () => ({ pids: 95 }));
  pass(3, ({ pidsRefused = 0 }) => ({ pidsRefused: pidsRefused + 1 }));
  pass(5);
  expect(told()).toEqual(['pids warning', 'pids critical']);
  expect(monitoring.stateOf('s').alarms).toMatchObject([
    { level: 'warning', inForce: false },
    { level: 'critical', inForce: true },
  ]);
  pass(61, () => ({ pids: 2 }));
  pass(1, () => ({ pids: 95 }));
  expect(told()).toEqual(['pids warning']);
});

it('tells waiting for memory, and where the kernel keeps no pressure that it is nearly full', () => {
  const some = (percent: number) => ({ memoryPressure: { someAvg10: percent, someTotalUs: 1 }, memoryBytes: 99 });
  const { pass, told } = staged();
  pass(60, () => some(19));
  pass(30, () => some(25));
  expect(told()).toEqual([]);
  pass(1, () => some(25));
  expect(told()).toEqual(['memory-pressure warning']);
  const without = staged();
  without.pass(31, () => ({ memoryBytes: 95 }));
  expect(without.told()).toEqual(['memory-pressure warning']);
});

it('tells who keeps the host waiting, and only who uses half of what is missing', () => {
  const { pass, told, host, alarms } = staged();
  const compute =
    (cores: number) =>
    ({ cpuUs = 0 }: Reading) => ({ cpuUs: cpuUs + cores * 1e6 });
  host.pressure = { cpuPercent: 90, memoryPercent: 90 };
  pass(200, compute(1));
  expect(told()).toEqual([]);
  pass(122, compute(2));
  expect(alarms).toMatchObject([{ kind: 'host-pressure', values: { percent: 90 } }]);
});

it('tells nothing of what is not known', () => {
  const { pass, told } = staged();
  pass(
    100,
    () => ({ pidsMax: undefined, oomKills: undefined, memoryMaxBytes: undefined, cpuPeriods: undefined }) as never,
  );
  expect(told()).toEqual([]);
});

it('tells refusals in a burst once, and again after a quiet time', () => {
  const { monitoring, told, clock } = staged();
  const deny = (count: number, everyMs: number) => {
    for (let i = 0; i < count; i += 1) {
      clock.nowMs += everyMs;
      monitoring.denials.add('call', 'image.env');
    }
  };
  deny(60, 4000);
  expect(told()).toEqual([]);
  deny(40, 100);
  expect(told()).toEqual(['denials warning']);
  clock.nowMs += 60_000;
  deny(20, 100);
  expect(told()).toEqual(['denials warning']);
});

it('tells refused connections, and calls for sessions that are not there, by themselves', () => {
  const { monitoring, told, alarms } = staged();
  const times = (count: number, once: () => void) => {
    for (let i = 0; i < count; i += 1) once();
  };
  times(19, () => monitoring.denials.add('call', 'image.env'));
  times(19, () => monitoring.denials.add('connection', 'egress.host'));
  times(9, () => monitoring.denials.failed(new SessionError('NO_SUCH_SESSION', 'no')));
  times(99, () => monitoring.denials.failed(new Error('of ours')));
  expect(told()).toEqual([]);
  monitoring.denials.add('model', 'broker.host');
  expect(told()).toEqual(['egress-denials warning']);
  monitoring.denials.failed(new PolicyDenied('image.env', 'no'));
  expect(told()).toEqual(['denials warning']);
  monitoring.denials.failed(new SessionError('NO_SUCH_SESSION', 'no'));
  expect(alarms).toMatchObject([{ kind: 'unknown-sessions', text: expect.stringContaining('10 calls for sessions') }]);
});

it('names who had it happen, and lets nobody hide a burst of another, or of their own, by going on slowly', () => {
  const { monitoring, alarms, clock } = staged();
  const guess = (count: number, everyMs: number, id: string) => {
    for (let i = 0; i < count; i += 1) {
      clock.nowMs += everyMs;
      monitoring.denials.failed(new SessionError('NO_SUCH_SESSION', 'no'), { id, name: `key ${id}` });
    }
  };
  const told = () => alarms.splice(0).map(({ text }) => text.replace(/.* within /, ''));
  guess(12, 10, 'a');
  expect(told()).toEqual(['60 s, by key a']);
  guess(30, 30_000, 'a');
  expect(told()).toEqual([]);
  guess(10, 10, 'b\n');
  // The tenth of all was another’s.
  expect(told()).toEqual(['60 s', '60 s, by key b']);
  guess(30, 30_000, 'a');
  guess(10, 10, 'a');
  expect(told()).toEqual(['60 s, by key a']);
  clock.nowMs += 60_000;
  for (let i = 0; i < 9; i += 1) guess(2, 10, `many-${i}`);
  expect(told()).toEqual(['60 s']);
});

it('remembers a thousand of them at most', () => {
  const { monitoring, told } = staged();
  const deny = (id: string) => monitoring.denials.add('connection', 'egress.host', { id, name: id });
  for (let i = 0; i < 19; i += 1) deny('first');
  for (let i = 0; i < 1000; i += 1) deny(`${i}`);
  expect(told()).toEqual(['egress-denials warning']);
  deny('first');
  expect(told()).toEqual([]);
});

it('tells an audit log that can’t be written at once, and again when it had been written for a minute', () => {
  const { monitoring, told, clock } = staged();
  const record = (isWritten: boolean) => monitoring.health.recorded({ isWritten });
  record(true);
  expect(told()).toEqual([]);
  for (const isWritten of [false, true, false, false]) record(isWritten);
  expect(told()).toEqual(['audit critical']);
  clock.nowMs += 60_000;
  record(true);
  record(false);
  expect(told()).toEqual(['audit critical']);
});

it('tells an audit log that is not forwarded as a warning, until it is, and still what is worse', () => {
  const { monitoring, told, clock } = staged();
  const { health } = monitoring;
  health.forwarded({ isOk: false, lost: 2 });
  clock.nowMs += 60_000;
  health.recorded({ isWritten: true });
  health.forwarded({ isOk: false, lost: 2 });
  expect(told()).toEqual(['audit warning']);
  for (const isWritten of [false, false]) health.recorded({ isWritten });
  expect(told()).toEqual(['audit critical']);
  health.forwarded({ isOk: true, lost: 0 });
  clock.nowMs += 60_000;
  health.recorded({ isWritten: true });
  health.forwarded({ isOk: false, lost: 0 });
  expect(told()).toEqual(['audit warning']);
});

it('tells a canary that failed, until one is as it should be, and nothing of one that was not made', () => {
  const heard: string[] = [];
  const { monitoring, told } = staged({ onCanary: (verdict) => heard.push(verdict) });
  for (const status of ['unknown', 'fail', 'fail', 'warn', 'fail']) monitoring.checked([{ id: 'canary', status }]);
  monitoring.checked([{ id: 'engine', status: 'fail' }]);
  monitoring.checked([
    { id: 'canary', status: 'pass' },
    { id: 'canary.cpu', status: 'warn' },
  ]);
  monitoring.checked([
    { id: 'canary', status: 'pass' },
    { id: 'canary.memory', status: 'fail' },
  ]);
  expect([told(), heard]).toEqual([
    ['canary critical', 'canary critical', 'canary critical'],
    ['unknown', 'failed', 'failed', 'ok', 'failed', 'ok', 'failed'],
  ]);
});

it('has others hear of each sample and each refusal', () => {
  const heard: unknown[] = [];
  const { monitoring, pass } = staged({
    onSample: (id, { pids }) => heard.push([id, pids]),
    onDenied: (way, rule) => heard.push([way, rule]),
    onUnknownSession: () => heard.push('unknown'),
  });
  heard.length = 0;
  pass(1);
  monitoring.denials.add('connection', 'egress.host');
  monitoring.denials.failed(new SessionError('NO_SUCH_SESSION', 'no'));
  expect(heard).toEqual([['s', 2], ['connection', 'egress.host'], 'unknown']);
});

it('keeps the last twenty of a session until that ends, also those that others raise', async () => {
  const { monitoring, watch, told } = staged();
  for (let i = 0; i < 25; i += 1) {
    monitoring.alarms.raise({ session: 's', kind: 'disk', level: 'warning', text: `${i}`, values: { i } });
    monitoring.alarms.raise({ session: 's', kind: 'disk', level: 'warning', text: 'again', values: {} });
    monitoring.alarms.clear('disk', 's');
  }
  expect(told().length).toBe(25);
  expect(monitoring.stateOf('s').alarms.map(({ text }) => text)).toEqual(
    Array.from({ length: 20 }, (_, i) => `${i + 5}`),
  );
  await watch[Symbol.asyncDispose]();
  expect(monitoring.stateOf('s').alarms).toEqual([]);
});
