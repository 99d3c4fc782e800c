import { expect, it, vi } from 'vitest';
import type { DiskSpace } from '../../../src/session/disk/disk-space.js';
import { stagedUpdate } from './support/staged-update.js';

const gib = 1024 ** 3;

/** A session that has added so much, and whose disk was given these limits. */
function staged(addedBytes: number) {
  const one = stagedUpdate();
  const given: number[] = [];
  const disk = {
    count: vi.fn(() => Promise.resolve()),
    get usage() {
      return disk.count.mock.calls.length === 0 ? undefined : { bytes: addedBytes };
    },
    setLimit: (bytes: number) => void given.push(bytes),
  };
  Object.assign(one.session, { disk: disk as unknown as DiskSpace });
  return { ...one, disk, given };
}

it('an update gives the session another limit of its disk, by which new commands are fenced, and asks no engine', async () => {
  const { update, session, sandbox, told, saved, disk, given } = staged(0);
  const report = await update({ disk: '20g' });
  expect(report).toMatchObject({
    limits: { diskBytes: 20 * gib },
    changes: [{ what: 'disk', before: '10 GiB', after: '20 GiB' }],
    controls: [],
  });
  expect([told, given]).toEqual([[], [20 * gib]]);
  expect(sandbox.handle.spec.limits).toMatchObject({ diskBytes: 20 * gib, fsizeBytes: 20 * gib });
  expect(saved).toMatchObject([{ spec: { limits: { diskBytes: 20 * gib, fsizeBytes: 20 * gib } } }]);
  expect(session.record).toEqual(saved[0]);
  // More is given whatever was added.
  expect(disk.count).not.toHaveBeenCalled();
});

it('less is given by a count of now, and never what the session has added already', async () => {
  const { update, session, before, disk, given } = staged(3 * gib);
  await expect(update({ disk: '2g' })).rejects.toMatchObject({
    code: 'POLICY_DENIED',
    info: { ruleId: 'disk.in-use' },
    message: expect.stringContaining('3 GiB'),
  });
  expect([given, session.record]).toEqual([[], before]);
  await update({ disk: '4g' });
  expect([given, disk.count.mock.calls.length]).toEqual([[4 * gib], 2]);
});

it('what can not be counted is not given less', async () => {
  const { update, disk, given } = staged(0);
  disk.count.mockRejectedValueOnce(new Error('EIO'));
  await expect(update({ disk: '4g' })).rejects.toMatchObject({ code: 'UPDATE_UNSUPPORTED' });
  expect(given).toEqual([]);
});

it('a limit that can not be written down is taken back', async () => {
  const { update, sandbox, save, given } = staged(0);
  save.mockRejectedValueOnce(new Error('the disk is full'));
  await expect(update({ disk: '20g' })).rejects.toThrow('the disk is full');
  expect(given).toEqual([20 * gib, 10 * gib]);
  expect(sandbox.handle.spec.limits).toMatchObject({ diskBytes: 10 * gib, fsizeBytes: 10 * gib });
});
