import { expect, it } from 'vitest';
import { executeCommand } from '../../../src/tools/execute-command.js';
import { getSession } from '../../../src/tools/get-session.js';
import { stage } from './support/stage.js';

const sample = { sources: { memory: 'cgroup' as const }, atMs: 7, memoryBytes: 1024 };
const alarm = {
  ...{ kind: 'oom' as const, level: 'critical' as const, atMs: 1000, inForce: true },
  ...{ text: 'the kernel killed 1', values: { oomKills: 1 } },
};
const trend = { min: 1, avg: 1, max: 1, last: 1 };
const trends = { '1m': { memoryBytes: trend }, '5m': { memoryBytes: trend }, '15m': {} };

it('shows what a session uses and how that went, in both halves of the result', async () => {
  const { services, context, session } = stage();
  const monitoring = { ...services.monitoring, stateOf: () => ({ usage: sample, trends, alarms: [alarm] }) };
  const monitored = { ...services, monitoring };
  const { structured, text } = await getSession.call(monitored, { sessionId: session.id }, context);
  expect(structured).toMatchObject({ usage: sample, trends, alarms: [alarm] });
  expect(text).toContain('ALARM oom (1970-01-01T00:00:01.000Z, still): the kernel killed 1');
  expect(text).toContain('usage: memory 1 KiB');
  expect(text).toContain('last 5 min: memory 1 B – 1 B');
});

it('asks the engine where the kernel shows nothing, and else says that it does not know', async () => {
  const { services, context, session, sandbox } = stage();
  const show = () => getSession.call(services, { sessionId: session.id }, context);
  expect((await show()).text).toContain('usage: unknown');
  expect((await show()).structured).not.toHaveProperty('usage');
  const usageByEngine = () => Promise.resolve({ sources: { pids: 'engine' }, pids: 3 });
  Object.assign(sandbox, { usageByEngine });
  expect((await show()).structured).toMatchObject({ usage: { sources: { pids: 'engine' }, pids: 3, atMs: 1_000_000 } });
  sandbox.alive = false;
  expect((await show()).text).toContain('usage: unknown');
});

it('tells an alarm once, with the next result of a command', async () => {
  const { services, context, session } = stage();
  const run = () => executeCommand.call(services, { sessionId: session.id, argv: ['true'], background: true }, context);
  session.notices.add('it is full');
  session.notices.add('it is slow');
  const { structured, text } = await run();
  expect(structured).toMatchObject({ warning: expect.stringMatching(/^it is full; it is slow/) });
  expect(text).toContain('warning: it is full; it is slow');
  expect(JSON.stringify(await run())).not.toContain('it is');
});
