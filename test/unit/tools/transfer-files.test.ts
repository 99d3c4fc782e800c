import { expect, it } from 'vitest';
import { PolicyDenied } from '../../../src/core/errors.js';
import type { TransferRequest } from '../../../src/session/transfers/session-transfers.js';
import type { ToolContext } from '../../../src/tools/define-tool.js';
import { longestWaitMs } from '../../../src/tools/execute-command.js';
import { getCommand } from '../../../src/tools/get-command.js';
import { getSession } from '../../../src/tools/get-session.js';
import type { ToolServices } from '../../../src/tools/services.js';
import { stopCommand } from '../../../src/tools/stop-command.js';
import { transferFiles } from '../../../src/tools/transfer-files.js';
import { stage } from './support/stage.js';
import { StagedTransfers } from './support/staged-transfers.js';

function staged() {
  const { services, ...rest } = stage();
  const transfers = new StagedTransfers();
  const told: string[] = [];
  const context: ToolContext = { ...rest.context, progress: (message) => void told.push(message) };
  const withTransfers = { ...services, transfers } as unknown as ToolServices;
  const args = { sessionId: rest.session.id, direction: 'out', hostPath: '/srv/x', path: 'made' };
  const copy = (more: Partial<TransferRequest & { background: boolean }> = {}, its = context) =>
    transferFiles.call(withTransfers, { ...args, ...more }, its);
  return { ...rest, services: withTransfers, transfers, told, context, copy, args };
}

it('returns a handle when a copy takes longer than one call may wait, and the copy goes on without it', async () => {
  const { clock, transfers, told, services, session, context, copy } = staged();
  const cancel = new AbortController();
  const call = copy({}, { ...context, signal: cancel.signal });
  await clock.pass(4000);
  transfers.all[0]?.tell(0, 3 * 1024 ** 2);
  await clock.pass(longestWaitMs);
  const { structured, text } = await call;
  expect(longestWaitMs).toBeLessThan(60_000);
  expect(structured).toMatchObject({ state: 'running', entries: 0, bytes: 3 * 1024 ** 2, hostPath: '/srv/x' });
  expect(structured).not.toHaveProperty('sha256');
  expect(text).toContain('get_command');
  expect(told).toEqual(['0 entries, 3 MiB']);
  cancel.abort();
  const { commandId } = structured;
  const poll = getCommand.call(services, { sessionId: session.id, commandId, waitMs: 20_000 }, context);
  await clock.pass(5000);
  transfers.all[0]?.finish({ leftOut: [{ path: 'a', why: 'exists' }] });
  const read = await poll;
  expect(read.structured).toMatchObject({
    ...{ commandId, state: 'finished', more: false, stdout: '' },
    transfer: { entries: 3, bytes: 5, sha256: 'f'.repeat(64), leftOut: [{ path: 'a', why: 'exists' }] },
  });
  expect(read.text).toContain('left out: a (exists)');
  const { structured: shown } = await getSession.call(services, { sessionId: session.id }, context);
  expect(shown['commands']).toEqual([{ commandId, state: 'finished', program: 'transfer_files' }]);
});

it('does not wait for a copy in the background, and says how far it is to whoever asks', async () => {
  const { clock, transfers, services, session, context, copy } = staged();
  const { structured } = await copy({ background: true });
  const { commandId } = structured;
  const ask = async (waitMs: number) => {
    const answer = getCommand.call(services, { sessionId: session.id, commandId, waitMs }, context);
    await clock.pass(waitMs);
    return (await answer).structured;
  };
  expect(await ask(0)).toMatchObject({ state: 'running', transfer: { entries: 0, bytes: 0 } });
  transfers.all[0]?.tell(7, 99);
  expect(await ask(3000)).toMatchObject({ state: 'running', durationMs: 3000, transfer: { entries: 7, bytes: 99 } });
});

it('is stopped by stop_command, by the cancelling of its call, and by the end of the session', async () => {
  const { clock, transfers, services, session, context, copy } = staged();
  const { commandId } = (await copy({ background: true })).structured;
  const call = (more: object) => stopCommand.call(services, { sessionId: session.id, commandId, ...more }, context);
  await expect(call({ signal: 'SIGINT' })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  const stopped = await call({});
  expect(stopped.structured).toMatchObject({
    state: 'failed',
    error: { code: 'INTERRUPTED' },
    transfer: { path: 'made' },
  });
  expect(stopped.text).toContain('INTERRUPTED');
  expect((await call({})).structured).toMatchObject({ state: 'failed' });

  const cancel = new AbortController();
  const cancelled = copy({}, { ...context, signal: cancel.signal });
  const rejected = expect(cancelled).rejects.toMatchObject({ code: 'INTERRUPTED' });
  await clock.pass(500);
  cancel.abort();
  await rejected;

  await copy({ background: true });
  await session.transfers[Symbol.asyncDispose]();
  expect(transfers.all.map(({ context: { signal } }) => signal.aborted)).toEqual([true, true, true]);
  await expect(copy()).rejects.toMatchObject({ code: 'SESSION_ENDED' });
});

it('fails the call with its own error where it fails in time, else tells it later, and a denial counts either way', async () => {
  const { transfers, services, session, context, copy, denials } = staged();
  const denial = new PolicyDenied('withheld.git', 'it is withheld');
  const inTime = copy();
  transfers.all[0]?.fail(denial);
  // The server counts what calls throw.
  await expect(inTime).rejects.toBe(denial);
  expect(denials.count).toBe(0);
  const { commandId } = (await copy({ background: true })).structured;
  transfers.all[1]?.fail(denial);
  const args = { sessionId: session.id, commandId, waitMs: 1000 };
  expect((await getCommand.call(services, args, context)).structured).toMatchObject({
    ...{ state: 'failed', error: { code: 'POLICY_DENIED', message: 'it is withheld' } },
  });
  expect(denials.count).toBe(1);
});
