import { expect, it } from 'vitest';
import { executeCommand, longestWaitMs } from '../../../src/tools/execute-command.js';
import { getCommand } from '../../../src/tools/get-command.js';
import { stage } from './support/stage.js';

it('returns a handle and what there is so far when a command takes longer than one call may wait', async () => {
  const { clock, commands, services, context, session } = stage();
  let isDone = false;
  const call = executeCommand.call(services, { sessionId: session.id, argv: ['make'] }, context).then((result) => {
    isDone = true;
    return result;
  });
  await clock.pass(longestWaitMs - 1000);
  commands[0]?.output.stdout.write(Buffer.from('half way\n'));
  expect(isDone).toBe(false);
  await clock.pass(2000);
  const { structured, text } = await call;
  expect(longestWaitMs).toBeLessThan(60_000);
  expect(structured).toMatchObject({ state: 'running', stdout: 'half way\n', cursor: '9.0' });
  expect(text).toContain('get_command');
  expect(text).toContain(String(structured['commandId']));
  expect(session.liveCommands).toBe(1);
});

it('ends the command of a call that is cancelled', async () => {
  const { clock, services, context, session } = stage();
  const cancel = new AbortController();
  const args = { sessionId: session.id, command: 'sleep 600' };
  const call = executeCommand.call(services, args, { ...context, signal: cancel.signal });
  await clock.pass(500);
  cancel.abort();
  expect((await call).structured).toMatchObject({ state: 'finished', reason: 'aborted' });
  expect(session.liveCommands).toBe(0);
});

it('does not wait for a background command, whose reader waits until it prints', async () => {
  const { clock, commands, services, context, session } = stage();
  const args = { sessionId: session.id, argv: ['server'], background: true };
  const { structured } = await executeCommand.call(services, args, context);
  const { commandId } = structured;
  expect(structured).toMatchObject({ state: 'running', stdout: '' });
  const poll = getCommand.call(services, { sessionId: session.id, commandId, waitMs: 30_000 }, context);
  await clock.pass(1000);
  commands[0]?.output.stdout.write(Buffer.from('listening\n'));
  await clock.pass(500);
  expect((await poll).structured).toMatchObject({ state: 'running', stdout: 'listening\n', more: false });
  const idle = getCommand.call(services, { sessionId: session.id, commandId, cursor: '10.0', waitMs: 5000 }, context);
  await clock.pass(5500);
  expect((await idle).structured).toMatchObject({ state: 'running', stdout: '', cursor: '10.0' });
});
