import { expect, it } from 'vitest';
import { claimRemoval } from '../../../src/session/control/claim-removal.js';
import { hourMs, stagedUpdate as staged } from './support/staged-update.js';

it('a later end stands in the record before process 1 has it, so that nobody removes the session for the earlier one', async () => {
  const { update, sandbox, saved, before } = staged();
  let written: number | undefined;
  sandbox.setDeadline.mockImplementationOnce(() => {
    written = saved.at(-1)?.deadlineAtMs;
    return Promise.resolve();
  });
  await update({ lifetime: '3h' });
  expect(written).toBe(before.createdAtMs + 3 * hourMs);
  expect(saved).toHaveLength(2);
});

it('an earlier end stands there only when process 1 has it', async () => {
  const { update, sandbox, saved } = staged();
  sandbox.setDeadline.mockImplementationOnce(() => {
    expect(saved).toEqual([]);
    return Promise.resolve();
  });
  await update({ lifetime: '30m' });
  expect(saved).toHaveLength(1);
});

it('an end that process 1 does not take is put back in the record', async () => {
  const { update, sandbox, saved, session, before } = staged();
  sandbox.setDeadline.mockRejectedValueOnce(new Error('it does not answer'));
  await expect(update({ lifetime: '3h' })).rejects.toThrow('does not answer');
  expect([saved.at(-1)?.deadlineAtMs, session.record.deadlineAtMs]).toEqual([before.deadlineAtMs, before.deadlineAtMs]);
});

it('the end of a session that somebody is removing is not put off, and its record is as it was', async () => {
  const { update, session, told, saved, before, channelFolder } = staged();
  const parts = { channelFolder: () => channelFolder };
  const claim = await claimRemoval(parts, session.id);
  expect(claim).toBeDefined();
  // One at a time.
  expect(await claimRemoval(parts, session.id)).toBeUndefined();
  await expect(update({ endsIn: '3h' })).rejects.toMatchObject({
    code: 'SESSION_ENDED',
    message: expect.stringContaining('being removed'),
  });
  expect([told, saved.at(-1)]).toEqual([[], before]);
  // What puts nothing off does no harm.
  await update({ pids: 99 });
  await claim?.[Symbol.asyncDispose]();
  await update({ endsIn: '3h' });
});
