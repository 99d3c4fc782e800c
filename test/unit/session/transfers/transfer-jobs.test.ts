import { describe, expect, it } from 'vitest';
import { deferred } from '../../../../src/kit/deferred.js';
import type { TransferReport } from '../../../../src/session/transfers/report.js';
import { reportOf, TransferJobs } from '../../../../src/session/transfers/transfer-jobs.js';
import { HeldClock } from '../../tools/support/stage.js';

const way = { direction: 'in', hostPath: '/srv/x', path: 'x' } as const;
const report: TransferReport = {
  ...{ sessionId: 'pdk_aaaaaaaaaaaaaaaaaaaaaaaaaa', ...way, entries: 1, bytes: 2, sha256: 'f', leftOut: [] },
  moreLeftOut: 0,
};

describe('the copies of a session', () => {
  it('are four at once and no more, until one of them is over', async () => {
    const jobs = new TransferJobs(new HeldClock());
    const ends = Array.from({ length: 4 }, () => deferred<TransferReport>());
    for (const { promise } of ends) jobs.start(way, () => promise);
    expect(() => jobs.start(way, () => Promise.resolve(report))).toThrow(
      expect.objectContaining({ code: 'LIMIT_REACHED' }),
    );
    ends[0]?.resolve(report);
    await jobs.list[0]?.settled;
    expect(jobs.start(way, () => Promise.resolve(report)).id).toMatch(/^trf_/);
    for (const { resolve } of ends) resolve(report);
  });

  it('are kept for an hour after their end, the last sixteen, and then known no more', async () => {
    const clock = new HeldClock();
    const jobs = new TransferJobs(clock);
    const ids: string[] = [];
    for (let round = 0; round < 18; round += 1) {
      const job = jobs.start(way, () => Promise.resolve({ ...report, entries: round }));
      await job.settled;
      ids.push(job.id);
      clock.nowMs += 1000;
    }
    expect(jobs.list.map(reportOf).map(({ entries }) => entries)).toEqual(
      Array.from({ length: 16 }, (_, at) => at + 2),
    );
    expect(() => jobs.find(ids[0] ?? '')).toThrow(expect.objectContaining({ code: 'NO_SUCH_COMMAND' }));
    expect(jobs.find('cmd_aaaaaaaaaaaaaaaa')).toBeUndefined();
    clock.nowMs += 3_600_000 - 2000;
    expect(jobs.list.map(({ id }) => id)).toEqual([ids.at(-1)]);
    await expect(jobs.stop(ids[3] ?? '')).rejects.toMatchObject({ code: 'NO_SUCH_COMMAND' });
  });

  it('have ended, and left nothing going on, when the session lets go of them', async () => {
    const jobs = new TransferJobs(new HeldClock());
    const cleaned = deferred<undefined>();
    const job = jobs.start(way, async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      await cleaned.promise;
      throw new Error('it broke off');
    });
    let isDisposed = false;
    const disposed = jobs[Symbol.asyncDispose]().then(() => {
      isDisposed = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isDisposed).toBe(false);
    cleaned.resolve(undefined);
    await disposed;
    expect(() => reportOf(job)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
    expect(() => jobs.start(way, () => Promise.resolve(report))).toThrow(
      expect.objectContaining({ code: 'SESSION_ENDED' }),
    );
  });
});
