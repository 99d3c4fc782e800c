import { chmod, mkdir, readdir, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtInPolicy } from '../../src/config/built-in-policy.js';
import type { Session } from '../../src/session/session.js';
import { channelOrNot } from './support/engines.js';
import { command, processesIn, run, Stage, said } from './support/stage.js';

const mib = 1024 ** 2;
const limitBytes = 32 * mib;
/** Writes 20 MiB in a second at most, into new files. */
const steady = (where: string) =>
  `i=0; while :; do i=$((i+1)); dd if=/dev/zero of=${where}/f$i bs=1M count=1 2>/dev/null; sleep 0.05; done`;
/** What that writes while the accountant is kept from the processor for half a minute. */
const slackBytes = 30 * 20 * mib;

describe.each(channelOrNot)('the disk limit of a session on a real rootless %s, over %s', (kind, commandPath) => {
  let stage: Stage;

  beforeAll(async () => {
    const { defaults } = builtInPolicy(homedir());
    stage = await Stage.open(kind, { commandPath, policy: { defaults: { ...defaults, diskInodes: 300 } } });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  async function writable(disk: string): Promise<{ session: Session; project: string }> {
    const project = await stage.project();
    return { session: await stage.create({ projectPath: project, workspace: 'rw', disk }), project };
  }

  it('ends what writes on, keeps the files, and lets commands start again when there is room', async () => {
    const { session, project } = await writable('32m');
    const other = await writable('32m');
    const quiet = await other.session.start(command('sleep 600'));
    const result = await run(session, steady('/workspace'));
    expect(result).toMatchObject({ reason: 'disk-limit', exitCode: 137 });
    expect(result.note).toMatch(/it has added .+ of 32 MiB, \d+ of 300 files and folders to the disk \(disk\.limit\)/);
    expect(processesIn(session)).toEqual([]);
    const usage = session.disk?.usage;
    expect(usage?.bytes).toBeGreaterThanOrEqual(limitBytes);
    expect(usage?.bytes).toBeLessThan(limitBytes + slackBytes);
    expect((await readdir(project)).length).toBeGreaterThan(30);

    await expect(run(session, 'true')).rejects.toMatchObject({
      code: 'LIMIT_REACHED',
      info: { ruleId: 'disk.limit', limitBytes },
    });
    for (const name of await readdir(project)) await rm(join(project, name));
    expect(await said(session, 'echo room')).toBe('room');

    expect(quiet.outcome).toBeUndefined();
    await quiet.command.end('aborted');
    for (const id of [session.id, other.session.id]) await stage.sessions.destroy(id);
  });

  it('ends what makes files without end, though they are empty', async () => {
    const { session, project } = await writable('1g');
    const made = 'i=0; while :; do i=$((i+1)); : >f$i; [ $((i % 50)) -eq 0 ] && sleep 0.1; done';
    expect(await run(session, made)).toMatchObject({ reason: 'disk-limit' });
    expect((await readdir(project)).length).toBeGreaterThan(300);
    await stage.sessions.destroy(session.id);
  });

  it('ends what takes room without writing, and fences one file in', async () => {
    const { session } = await writable('32m');
    const { limits, tmpfs } = session.record.spec;
    const largest = Math.max(...tmpfs.map(({ sizeBytes }) => sizeBytes));
    expect(limits.fsizeBytes).toBe(largest);
    const refused = await run(session, ['fallocate', '-l', String(largest + mib), 'large']);
    expect(refused).toMatchObject({ signal: 'SIGXFSZ' });
    expect(await run(session, 'fallocate -l 100M large; sleep 600')).toMatchObject({ reason: 'disk-limit' });
    await stage.sessions.destroy(session.id);
  });

  it('sees a file that has no name any more', async () => {
    const { session, project } = await writable('32m');
    const hidden =
      'exec 5>hidden; rm hidden; while :; do dd if=/dev/zero bs=1M count=1 >&5 2>/dev/null; sleep 0.05; done';
    expect(await run(session, hidden)).toMatchObject({ reason: 'disk-limit' });
    expect(await readdir(project)).toEqual(['hello.txt']);
    // Nothing is left of it, so there is room.
    expect(await said(session, 'echo room')).toBe('room');
    await stage.sessions.destroy(session.id);
  });

  it('is not got round by a folder that its maker closes', async () => {
    const { session, project } = await writable('32m');
    const closed = `mkdir closed; cd closed; ${steady('.')} & sleep 1; chmod 0300 /workspace/closed; wait`;
    expect(await run(session, closed)).toMatchObject({ reason: 'disk-limit' });
    await chmod(join(project, 'closed'), 0o700);
    await stage.sessions.destroy(session.id);
  });

  it('counts growth: what was there before does not matter, and scratch folders do not count', async () => {
    const project = await stage.project();
    await mkdir(join(project, 'before'));
    const first = await stage.create({ projectPath: project, workspace: 'rw', disk: '1g' });
    // Written through: until then a file system counts more blocks for a file than it has in the end.
    await said(first, 'dd if=/dev/zero of=before/large bs=1M count=64 conv=fsync 2>/dev/null');
    await stage.sessions.destroy(first.id);
    const session = await stage.create({ projectPath: project, workspace: 'rw', disk: '32m' });
    await said(session, 'dd if=/dev/zero of=small bs=1M count=8 conv=fsync 2>/dev/null');
    await said(session, 'dd if=/dev/zero of=/tmp/scratch bs=1M count=100 2>/dev/null; sleep 1');
    await session.disk?.count();
    const usage = session.disk?.usage;
    expect(usage?.bytes).toBeGreaterThanOrEqual(8 * mib);
    expect(usage?.bytes).toBeLessThan(16 * mib);
    expect(session.record.diskBase?.bytes).toBeGreaterThanOrEqual(64 * mib);
    await stage.sessions.destroy(session.id);
  });

  it('is not there where nothing on the disk can be written', async () => {
    const session = await stage.create({ projectPath: await stage.project(), workspace: 'ro' });
    expect(session.disk).toBeUndefined();
    expect(session.record.diskBase).toBeUndefined();
    await stage.sessions.destroy(session.id);
  });
});
