import { describe, expect, it } from 'vitest';
import { letIn } from '../../../src/cli/call-gate.js';
import { PaddockError } from '../../../src/core/errors.js';
import type { Session } from '../../../src/session/session.js';

const [first, second]: [unknown, unknown] = ['first', 'second'];

/** A key with one session, and all that happens in turn. */
function stage({ isSpent = false, isUnkept = false, isEager = false } = {}) {
  const told: string[] = [];
  const live = [first as Session];
  const leave = () => void told.push('leaves');
  const refuseWork = () => {
    if (isSpent) throw new PaddockError('QUOTA_EXCEEDED', 'used up');
  };
  const refuseUnkept = () => {
    if (isUnkept) throw new PaddockError('STATE_UNWRITABLE', 'the disk is full');
  };
  const call = () => {
    if (isEager) return Promise.reject(new PaddockError('RATE_LIMITED', 'too often'));
    return Promise.resolve(leave);
  };
  const sleep = (ms: number) => Promise.resolve(void told.push(`sleeps ${ms}`));
  const parts = {
    limits: { call, refuseWork, refuseUnkept },
    meter: { note: (sessions: readonly unknown[]) => void told.push(`sees ${sessions.join()}`) },
    live: () => live,
    admit: () => Promise.resolve(void told.push('is admitted')),
    clock: { sleep },
  };
  return { parts, told, live };
}

describe('a call of a key', () => {
  it('has what its sessions use looked at before and after, so that none comes and goes unseen', async () => {
    const { parts, told, live } = stage();
    const release = await letIn(parts, 'destroy_session');
    live.pop();
    release();
    expect(told).toEqual(['sees first', 'leaves', 'sees ']);
    told.length = 0;
    const made = await letIn(parts, 'create_session');
    live.push(second as Session);
    made();
    expect(told).toEqual(['sees ', 'is admitted', 'leaves', 'sees second']);
  });

  it.each(['create_session', 'execute_command', 'check_host'])(
    'is let in to %s no more once all is used up',
    async (tool) => {
      const { parts, told } = stage({ isSpent: true });
      await expect(letIn(parts, tool)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
      expect(told).toEqual(['sees first', 'leaves', 'sees first']);
    },
  );

  it('begins nothing new while nobody could tell the next server of it, and may still look and end', async () => {
    const { parts } = stage({ isUnkept: true });
    await expect(letIn(parts, 'execute_in_session')).rejects.toMatchObject({ code: 'STATE_UNWRITABLE' });
    for (const tool of ['get_session', 'destroy_session']) (await letIn(parts, tool))();
  });

  it('may still look, apply and end', async () => {
    const { parts, told } = stage({ isSpent: true });
    for (const tool of ['get_session', 'apply_changes', 'destroy_session']) (await letIn(parts, tool))();
    expect(told).not.toContain('is admitted');
  });

  it('that comes too often hears it after a pause, and so does whoever calls again at once', async () => {
    const { parts, told } = stage({ isEager: true });
    await expect(letIn(parts, 'get_session')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect(told).toEqual(['sleeps 1000']);
  });

  it('hears of a quota that is used up without one', async () => {
    const { parts, told } = stage({ isSpent: true });
    await expect(letIn(parts, 'execute_command')).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
    expect(told).not.toContain('sleeps 1000');
  });

  it('is let in, has its place and gives it back though nobody can see what sessions use', async () => {
    const { parts, told } = stage();
    const blind = () => {
      throw new Error('EMFILE');
    };
    (await letIn({ ...parts, meter: { note: blind } }, 'execute_command'))();
    expect(told).toEqual(['is admitted', 'leaves']);
  });
});
