import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../src/session/session.js';
import { bubblewrap, bubblewrapCalls, expectedFacts, nestedFacts } from './support/bubblewrap.js';
import { engineKinds } from './support/engines.js';
import { run, Stage } from './support/stage.js';

const everything = ['--ro-bind', '/', '/', '--dev', '/dev', '--unshare-all'];

describe.each(engineKinds)('bubblewrap in a sandbox of a real rootless %s', (kind) => {
  let stage: Stage;
  let nested: Session;
  let plain: Session;
  beforeAll(async () => {
    stage = await Stage.open(kind, { policy: { seccomp: ['nested'] } });
    nested = await stage.create({ projectPath: await stage.project(), workspace: 'rw', seccomp: 'nested' });
    plain = await stage.create({ projectPath: await stage.project(), workspace: 'rw' });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it.each(bubblewrapCalls)(
    'is refused by an errno and no signal under the default filter, as %s calls it',
    async (_, options) => {
      const { reason, exitCode, stderr } = await run(plain, bubblewrap(options, 'true'));
      expect({ reason, exitCode, says: stderr.text }).toEqual({
        ...{ reason: 'exited', exitCode: 1 },
        says: expect.stringMatching(/^bwrap: (No permissions|.*Operation not permitted)/),
      });
    },
  );

  if (kind === 'docker') {
    // Uid 0 without CAP_SETFCAP can't be mapped into another user namespace.
    it.each(bubblewrapCalls)('is refused by the kernel under nested, as %s calls it', async (_, options) => {
      const { reason, exitCode, stderr } = await run(nested, bubblewrap(options, 'true'));
      expect({ reason, exitCode, says: stderr.text }).toEqual({
        ...{ reason: 'exited', exitCode: 1 },
        says: expect.stringMatching(/^bwrap: .*Operation not permitted/),
      });
    });
    return;
  }

  it.each(bubblewrapCalls)('makes a sandbox of its own under nested, as %s calls it', async (_, options) => {
    const { exitCode, stdout, stderr } = await run(nested, bubblewrap(options, nestedFacts));
    expect({ exitCode, says: stderr.text, facts: stdout.text }).toEqual({
      ...{ exitCode: 0, says: '', facts: expectedFacts(1000) },
    });
  });

  it('gets no /proc of its own: the masks of the sandbox are not to be undone', async () => {
    const { exitCode, stderr } = await run(nested, bubblewrap([...everything, '--proc', '/proc'], 'true'));
    expect({ exitCode, says: stderr.text }).toEqual({
      exitCode: 1,
      says: expect.stringMatching(/^bwrap: Can't mount proc on \S*\/proc: Operation not permitted/),
    });
  });

  it.each([
    'umount /proc/kcore',
    'umount -l /usr',
    'mount -o remount,bind,rw /usr',
    'mount -o remount,bind,rw /proc/sys',
    'mount -t sysfs none /tmp',
    'echo x >/proc/sys/kernel/core_pattern',
  ])('can not be used to undo the sandbox as root of it, by %s', async (line) => {
    const asRoot = ['--bind', '/', '/', '--unshare-user', '--uid', '0', '--cap-add', 'ALL'];
    const { exitCode, stdout, stderr } = await run(nested, bubblewrap(asRoot, `id -u; ${line}`));
    expect(stdout.text).toBe('0\n');
    expect(exitCode).not.toBe(0);
    expect(stderr.text).toMatch(/not permitted|denied|read-only|must be superuser|no mount point|not mounted|invalid/i);
  });
});
