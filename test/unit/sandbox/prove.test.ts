import { describe, expect, it } from 'vitest';
import type { EvidenceRequest } from '../../../src/confine/request.js';
import { prove } from '../../../src/sandbox/prove.js';
import { request } from '../confine/support/sandbox.js';

/** A channel that is open and says nothing: whoever asks it anything fails. */
function open(): Parameters<typeof prove>[2]['channel'] {
  const channel = { isOpen: true, start: () => Promise.reject(new Error('it was asked')) };
  return { path: 'fifo', channel, release: () => Promise.resolve() } as unknown as ReturnType<typeof open>;
}

describe('the proof of a sandbox whose process 1 can not be seen', () => {
  // Our own number: there, and somebody else's than the engine means.
  const seenElsewhere: EvidenceRequest = { ...request, pid: process.pid };

  it.each([
    ['is refused', { ...request, pid: 2 ** 30 }],
    ['is refused where its number is another process’s here', seenElsewhere],
  ])('%s unless the policy accepts its report', async (_, asked) => {
    const proof = prove(asked, 0, { channel: open(), isReportAccepted: false });
    await expect(proof).rejects.toMatchObject({ code: 'SANDBOX_UNVERIFIED', info: { ruleId: 'policy.init_report' } });
  });

  it('asks it where the policy does, and without a channel there is nobody to ask', async () => {
    await expect(prove(seenElsewhere, 0, { channel: open(), isReportAccepted: true })).rejects.toThrow('it was asked');
    const none = prove(seenElsewhere, 0, { channel: undefined, isReportAccepted: true });
    await expect(none).rejects.toMatchObject({ code: 'SANDBOX_UNVERIFIED' });
  });
});
