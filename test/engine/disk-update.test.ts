import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { channelOrNot } from './support/engines.js';
import { command, run, Stage, said } from './support/stage.js';

const gib = 1024 ** 3;
const mib = 1024 ** 2;
const largestFile = "grep 'Max file size' /proc/self/limits | tr -s ' ' | cut -d ' ' -f 4,5";
const both = (bytes: number) => `${bytes} ${bytes}`;

describe.each(channelOrNot)('another disk limit for a session on a real rootless %s, over %s', (kind, commandPath) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(kind, { commandPath });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const create = async (disk: string) => stage.create({ projectPath: await stage.project(), workspace: 'rw', disk });

  it('lets commands into one that was full, and never leaves it less than it has added', async () => {
    const session = await create('32m');
    expect(await run(session, 'fallocate -l 40M large; sleep 600')).toMatchObject({ reason: 'disk-limit' });
    await expect(run(session, 'true')).rejects.toMatchObject({ info: { ruleId: 'disk.limit' } });
    await stage.sessions.update(session.id, { disk: '64m' });
    expect(await said(session, 'echo room')).toBe('room');
    await expect(stage.sessions.update(session.id, { disk: '32m' })).rejects.toMatchObject({
      info: { ruleId: 'disk.in-use' },
    });
    expect(await stage.store.load(session.id)).toMatchObject({ spec: { limits: { diskBytes: 64 * mib } } });
    // By the new limit, with what was there before.
    expect(await run(session, 'fallocate -l 30M more; sleep 600')).toMatchObject({ reason: 'disk-limit' });
    expect(await run(session, 'true').catch((error: unknown) => error)).toMatchObject({ code: 'LIMIT_REACHED' });
    await stage.sessions.destroy(session.id);
  });

  it('is the largest file of what starts from then on, where commands go over the channel', async () => {
    const session = await create('2g');
    expect(await said(session, largestFile)).toBe(both(2 * gib));
    const running = await session.start(command(`while [ ! -e go ]; do sleep 0.1; done; ${largestFile}`));
    const up = await stage.sessions.update(session.id, { disk: '3g' });
    const isFollowed = commandPath !== 'exec';
    expect(await said(session, largestFile)).toBe(both((isFollowed ? 3 : 2) * gib));
    expect(up.notes).toEqual([
      isFollowed
        ? 'Commands that start from now on can write files of 3 GiB at most; those that run keep 2 GiB.'
        : 'One file can still have 2 GiB at most.',
    ]);
    await said(session, ': >go');
    await running.settled;
    expect(running.command.output.stdout.text().trim()).toBe(both(2 * gib));
    await stage.sessions.update(session.id, { disk: '2100m' });
    expect(await said(session, largestFile)).toBe(both(isFollowed ? 2100 * mib : 2 * gib));
    await stage.sessions.destroy(session.id);
  });
});
