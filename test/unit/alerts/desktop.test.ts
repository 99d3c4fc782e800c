import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Alerts } from '../../../src/alerts/alerts.js';
import { Desktop } from '../../../src/alerts/desktop.js';
import type { Outlet } from '../../../src/alerts/outlet.js';
import { systemClock } from '../../../src/kit/clock.js';
import type { Alarm } from '../../../src/monitor/alarms/alarm.js';

const alarm: Alarm = { session: 's', kind: 'oom', level: 'critical', atMs: 1, text: '--icon=x $(id)', values: {} };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paddock-desktop-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function program(text: string, mode = 0o755): Promise<string> {
  const path = join(folder, 'notify-send');
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, mode);
  return path;
}

function staged(path: string, env: Readonly<Record<string, string>> = {}) {
  const results: string[] = [];
  const desktop = new Desktop(path, { env, clock: systemClock, onAlert: (_, result) => results.push(result) });
  return { desktop, results };
}

it('shows an alarm by a program that is given words, and of the environment only what leads to the desktop', async () => {
  const out = join(folder, 'out');
  const path = await program(`printf '%s\\n' "$@" >${out}; /usr/bin/env >>${out}`);
  const { desktop, results } = staged(path, { DISPLAY: ':0', ANTHROPIC_API_KEY: 'sk-secret', PATH: '/evil' });
  desktop.send(alarm);
  await desktop[Symbol.asyncDispose]();
  const said = (await readFile(out, 'utf8')).split('\n');
  expect(said.slice(0, 5)).toEqual([
    '--app-name=Paddock',
    '--urgency=critical',
    '--',
    'Paddock: oom',
    's: --icon=x $(id)',
  ]);
  expect(said).toContain('DISPLAY=:0');
  expect(said.join('\n')).not.toMatch(/sk-secret|evil/);
  expect(results).toEqual(['ok']);
});

it('says that one could not be shown, and shows no more than ten in a minute', async () => {
  const { desktop, results } = staged(await program('exit 1'));
  for (let i = 0; i < 12; i += 1) desktop.send(alarm);
  await desktop[Symbol.asyncDispose]();
  expect(results.filter((one) => one === 'dropped').length).toBe(2);
  expect(results.filter((one) => one === 'failed').length).toBe(10);
});

it('sends on to every outlet what is at its level or above', async () => {
  const sent: string[] = [];
  const outlet = (name: string): Outlet => ({
    send: ({ level }) => void sent.push(`${name} ${level}`),
    [Symbol.asyncDispose]: () => Promise.resolve(void sent.push(`${name} over`)),
  });
  const warning = { ...alarm, level: 'warning' } as const;
  {
    await using all = new Alerts([outlet('a'), outlet('b')], 'warning');
    all.send(warning);
  }
  expect(sent.splice(0)).toEqual(['a warning', 'b warning', 'b over', 'a over']);
  const few = new Alerts([outlet('c')], 'critical');
  few.send(warning);
  few.send(alarm);
  expect(sent).toEqual(['c critical']);
});
