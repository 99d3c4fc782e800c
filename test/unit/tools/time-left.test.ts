import { expect, it } from 'vitest';
import { executeCommand } from '../../../src/tools/execute-command.js';
import { getCommand } from '../../../src/tools/get-command.js';
import { record } from '../session/support/records.js';
import { stage } from './support/stage.js';

const minuteMs = 60_000;

/** A session with an hour to live, which may be idle for that long or for as long as is said. */
function staged(idleTimeoutMs = 60 * minuteMs) {
  const { spec } = record();
  const one = stage({ spec: { ...spec, idleTimeoutMs }, deadlineAtMs: 1_000_000 + 60 * minuteMs });
  const { services, session, context, commands } = one;
  const run = async () => {
    const started = await executeCommand.call(
      services,
      { sessionId: session.id, argv: ['x'], background: true },
      context,
    );
    commands.at(-1)?.finish(0);
    await session.commands.at(-1)?.settled;
    return String(started.structured['commandId']);
  };
  const read = (commandId: string) => getCommand.call(services, { sessionId: session.id, commandId }, context);
  return { ...one, run, read };
}

it('a result warns when the session has less than five minutes to live, and not before', async () => {
  const { clock, run, read } = staged();
  await clock.pass(54 * minuteMs, minuteMs);
  expect((await read(await run())).structured).not.toHaveProperty('warning');
  await clock.pass(2 * minuteMs, minuteMs);
  const { structured, text } = await read(await run());
  expect(structured['warning']).toContain('the session ends in 4m, whatever runs then');
  expect(text).toContain('warning: the session ends in 4m');
});

it('a result that is read late warns of the idle timeout, which reading does not put off', async () => {
  const { clock, run, read } = staged(20 * minuteMs);
  const commandId = await run();
  await clock.pass(14 * minuteMs, minuteMs);
  expect((await read(commandId)).structured).not.toHaveProperty('warning');
  await clock.pass(2 * minuteMs, minuteMs);
  expect((await read(commandId)).structured['warning']).toContain('ends in 4m unless a command is run in it');
});

it('a short idle timeout is no news in every result', async () => {
  const { run, read } = staged(minuteMs);
  expect((await read(await run())).structured).not.toHaveProperty('warning');
});
