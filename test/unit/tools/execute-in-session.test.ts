import { expect, it } from 'vitest';
import { longestWaitMs } from '../../../src/tools/execute-command.js';
import { executeInSession } from '../../../src/tools/execute-in-session.js';
import { getCommand } from '../../../src/tools/get-command.js';
import { stopCommand } from '../../../src/tools/stop-command.js';
import { says, stagedAgent } from '../session/agents/support/staged-agent.js';

it('reports what the agent does, returns a handle after 45 s, and get_command waits for the report', async () => {
  const { clock, services, context, session, started } = stagedAgent();
  const heard: string[] = [];
  const args = { sessionId: session.id, prompt: 'do it' };
  const call = executeInSession.call(services, args, { ...context, progress: (line) => heard.push(line) });
  await clock.pass(1000);
  started[0]!.print(says.runs('npm test'));
  await clock.pass(longestWaitMs);
  const { structured, text } = await call;
  expect(heard).toEqual(['runs Bash: npm test']);
  expect(structured).toMatchObject({ state: 'running', agent: { agent: 'claude', doing: ['runs Bash: npm test'] } });
  expect(text).toContain('get_command');

  const { commandId } = structured;
  const poll = getCommand.call(services, { sessionId: session.id, commandId, waitMs: 30_000 }, context);
  await clock.pass(500);
  started[0]!.print({ ...says.ends, result: `\u001b]0;x\u0007${'long \u202e'.repeat(5000)}` });
  started[0]!.finish(0);
  await clock.pass(2500);
  const done = await poll;
  expect(done.structured).toMatchObject({
    state: 'finished',
    exitCode: 0,
    agent: { ok: true, stopReason: 'completed' },
  });
  expect(Buffer.byteLength(done.text)).toBeLessThan(8192);
  expect(done.text).not.toMatch(/\p{Cf}/u);

  const raw = await getCommand.call(services, { sessionId: session.id, commandId, cursor: '0.0' }, context);
  expect(raw.structured['stdout']).toContain('npm test');
});

it('is stopped by stop_command, and by a cancelled call', async () => {
  const { clock, services, context, session } = stagedAgent();
  const args = { sessionId: session.id, prompt: 'do it' };
  const { structured } = await executeInSession.call(services, { ...args, background: true }, context);
  const { commandId } = structured;
  const stopped = await stopCommand.call(services, { sessionId: session.id, commandId }, context);
  expect(stopped.structured).toMatchObject({ state: 'finished', agent: { ok: false, stopReason: 'aborted' } });

  const cancel = new AbortController();
  const call = executeInSession.call(services, args, { ...context, signal: cancel.signal });
  await clock.pass(1000);
  cancel.abort();
  expect((await call).structured).toMatchObject({ state: 'finished', agent: { stopReason: 'aborted' } });
  expect(session.liveCommands).toBe(0);
});

it('stays under 8 kB whatever the agent says, changes and is refused', async () => {
  const { services, context, session, settings, started } = stagedAgent({ workspace: 'cow' });
  const args = { sessionId: session.id, prompt: 'do it' };
  const { structured } = await executeInSession.call(services, { ...args, background: true }, context);
  const path = '\u202e'.repeat(300);
  settings.review = Array.from({ length: 500 }, (_, at) => ({
    ...{ path: `${path}${at}`, kind: 'added' as const },
    after: { type: 'file' as const, mode: 0o644, sizeBytes: 1, stamp: String(at) },
  }));
  for (let at = 0; at < 60; at += 1) started[0]!.print(says.runs('x'.repeat(500), `m${at}`));
  started[0]!.print({ ...says.ends, is_error: true, result: '\u202e'.repeat(50_000) });
  started[0]!.finish(1);
  const { commandId } = structured;
  await session.agents.find(commandId as string)!.settled;
  const done = await getCommand.call(services, { sessionId: session.id, commandId }, context);
  expect(done.structured).toMatchObject({ state: 'finished', agent: { ok: false, changedCount: 500 } });
  expect(Buffer.byteLength(done.text)).toBeLessThan(8192);
});

it('refuses half of Bedrock', async () => {
  const { services, context, session } = stagedAgent();
  for (const half of [
    { useBedrock: true },
    { awsRegion: 'eu-central-1' },
    { useBedrock: true, awsRegion: 'us-east-1' },
  ]) {
    const call = executeInSession.call(services, { sessionId: session.id, prompt: 'x', ...half }, context);
    await expect(call).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  }
});
