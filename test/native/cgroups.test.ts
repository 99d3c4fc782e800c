import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { CgroupKeeper } from '../../src/sandbox/cgroups/cgroup-keeper.js';
import { builtInit } from './init/support/compiled.js';
import { namespacesWork } from './init/support/namespace.js';

const init = builtInit();
const { EINVAL, ENAMETOOLONG, ENOENT, EXDEV } = constants.errno;
const scope = `/sys/fs/cgroup/user.slice/libpod-${'0a'.repeat(32)}.scope/container`;

/** What the keeper of cgroups answers: the numbers of errors, 0 where it did what was asked. */
function answers(...lines: readonly string[]): readonly number[] {
  const input = lines.map((line) => `${line}\n`).join('');
  const { stdout, status } = spawnSync(init, ['--cgroups'], { input, encoding: 'utf8' });
  expect(status).toBe(0);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => Number(/^\d+/.exec(line)?.[0] ?? 0));
}

describe('the keeper of cgroups', () => {
  it.each([
    ['nothing', ''],
    ['a verb alone', 'split'],
    ['a verb that there is not', `remove ${process.pid} 1 1 ${scope}`],
    ['a field too many', `leave ${process.pid} 1 1 ${scope} more`],
    ['process 1 of the host', `leave 1 1 1 ${scope}`],
    ['a name that is no number', `leave ${process.pid} ../init 1 ${scope}`],
    ['a negative number', `enter ${process.pid} 1 -1 ${scope}`],
    ['a number that is too large', `enter ${process.pid} 99999999999 1 ${scope}`],
    ['another file system', `leave ${process.pid} 1 1 /tmp/libpod-${'0a'.repeat(32)}.scope/container`],
    ['a way up', `leave ${process.pid} 1 1 /sys/fs/cgroup/../cgroup${scope.slice(14)}`],
    ['a folder that is no sandbox’s', `leave ${process.pid} 1 1 /sys/fs/cgroup/user.slice/container`],
    ['a sandbox’s own folder', `leave ${process.pid} 1 1 ${scope.replace('/container', '')}`],
    ['a folder beneath it', `leave ${process.pid} 1 1 ${scope}/init`],
    ['an id of another length', `leave ${process.pid} 1 1 ${scope.replace('0a', '')}`],
    ['another scope', `leave ${process.pid} 1 1 ${scope.replace('libpod', 'docker')}`],
  ])('refuses %s', (_what, line) => {
    expect(answers(line)).toEqual([EINVAL]);
  });

  it('answers each line, and refuses a process that has no other user namespace than we', () => {
    const line = `leave ${process.pid} 1 1 ${scope}`;
    expect(answers(line, 'nonsense', line)).toEqual([EXDEV, EINVAL, EXDEV]);
  });

  it('answers a line that is too long, and goes on', () => {
    const line = `leave ${process.pid} 1 1 ${scope}`;
    expect(answers(line, 'x'.repeat(20_000), line)).toEqual([EXDEV, ENAMETOOLONG, EXDEV]);
  });

  describe.skipIf(!namespacesWork)('in the user namespaces of engines', () => {
    it('serves a sandbox whose own lies beneath that of its engine, and one that has ended', async () => {
      using engine = new Namespace();
      const inner = await engine.inner();
      expect(answers(leave(await engine.outer()), leave(inner), leave(999_999_999))).toEqual([ENOENT, ENOENT, ENOENT]);
    });

    it('ends at a line for another engine, once it has joined one', async () => {
      using one = new Namespace();
      using other = new Namespace();
      const input = [await one.outer(), await other.outer()].map((pid) => `${leave(pid)}\n`).join('');
      const { stdout, status } = spawnSync(init, ['--cgroups'], { input, encoding: 'utf8' });
      expect([stdout, status]).toEqual([`${ENOENT}\n`, 3]);
    });

    it('is started anew then, and whoever asked meanwhile for the first is answered as well', async () => {
      using one = new Namespace();
      using other = new Namespace();
      const keeper = new CgroupKeeper(init);
      const asked = [await one.outer(), await other.outer(), await one.outer(), await other.outer()];
      const said = await Promise.allSettled(asked.map((initPid) => keeper.leave({ initPid, folder: scope }, 1)));
      expect(said).toMatchObject(asked.map(() => ({ status: 'rejected', reason: { errno: ENOENT } })));
    });
  });
});

const leave = (pid: number) => `leave ${pid} 1 1 ${scope}`;
const namespaceOf = (pid: number | string) => readlinkSync(`/proc/${pid}/ns/user`);

/** A user namespace of ours with a process, and one within it, as an engine has with a sandbox. */
class Namespace implements Disposable {
  readonly #child = spawn('unshare', ['--user', '--map-root-user', 'sh', '-c', 'unshare --user sleep 60 & wait'], {
    stdio: 'ignore',
  });

  async outer(): Promise<number> {
    const pid = Number(this.#child.pid);
    await expect.poll(() => namespaceOf(pid)).not.toBe(namespaceOf('self'));
    return pid;
  }

  async inner(): Promise<number> {
    const outer = await this.outer();
    const find = () => Number(readFileSync(`/proc/${outer}/task/${outer}/children`, 'utf8').trim() || 0);
    await expect.poll(() => find() > 0 && namespaceOf(find()) !== namespaceOf(outer)).toBe(true);
    return find();
  }

  [Symbol.dispose](): void {
    const { pid } = this.#child;
    for (const child of readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)) {
      process.kill(Number(child), 'SIGKILL');
    }
    this.#child.kill('SIGKILL');
  }
}
