import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { builtInit } from './init/support/compiled.js';

const init = builtInit();
const { EINVAL, EXDEV } = constants.errno;
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
});
