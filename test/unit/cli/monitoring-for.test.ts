import { expect, it } from 'vitest';
import { monitoringFor } from '../../../src/cli/monitoring-for.js';
import { builtInPolicy } from '../../../src/config/built-in-policy.js';
import { systemClock } from '../../../src/kit/clock.js';
import type { Alarm } from '../../../src/monitor/alarms/alarm.js';
import { Monitoring } from '../../../src/monitor/monitoring.js';

function staged() {
  const told: Alarm[] = [];
  const canaries: string[] = [];
  const monitoring = new Monitoring({
    ...{ clock: systemClock, thresholds: builtInPolicy('/home/ann').alarms },
    onAlarm: (alarm) => void told.push(alarm),
    heard: { onCanary: (verdict) => void canaries.push(verdict) },
  });
  return { told, canaries, monitoring, adas: monitoringFor(monitoring, { id: 'a1', name: 'key ada' }) };
}

it('counts what the tools of a key are refused as that of the key, however many others are', () => {
  const { told, monitoring, adas } = staged();
  for (let at = 0; at < 20; at += 1) monitoring.denials.add('call', 'image.env', { id: 'b2', name: 'key bob' });
  for (let at = 0; at < 20; at += 1) adas.denials.add('call', 'workspace.root');
  expect(told.map(({ kind, text }) => [kind, /by .*$/.exec(text)?.[0]])).toEqual([
    ['denials', 'by key bob'],
    ['denials', 'by key ada'],
  ]);
});

it('takes nobody’s word but its own for the canary of the server: neither that it failed, nor that it is right again', () => {
  const { told, canaries, monitoring, adas } = staged();
  adas.checked([{ id: 'canary', status: 'fail' }]);
  expect([told, canaries]).toEqual([[], []]);
  monitoring.checked([{ id: 'canary', status: 'fail' }]);
  adas.checked([{ id: 'canary', status: 'pass' }]);
  monitoring.checked([{ id: 'canary', status: 'fail' }]);
  expect([told.length, canaries]).toEqual([1, ['failed', 'failed']]);
});
