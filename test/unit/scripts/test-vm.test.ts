import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'paddock-test-vm-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const counts = '3 passed, 0 failed, 0 skipped';

/** scripts/test-vm of this checkout in a folder where the VM does what the test says, and writes down how it was called. */
function testVm(vm: string, ...args: readonly string[]) {
  for (const part of ['scripts/lab', 'bin', 'tmp', 'test/engine', 'test/limits'])
    mkdirSync(join(root, part), { recursive: true });
  for (const file of ['scripts/test-vm', 'scripts/lab/common.sh']) copyFileSync(file, join(root, file));
  for (const name of ['limits/limits', 'engine/evidence', 'engine/commands', 'engine/sandbox-kill', 'engine/other']) {
    writeFileSync(join(root, `test/${name}.test.ts`), '');
  }
  const programs = {
    'bin/id': '#!/bin/bash\necho 0\n',
    'scripts/setup': '#!/bin/bash\n',
    'scripts/lab/vm-run': `#!/bin/bash\necho "$*" >"${root}/called"\n${vm}\n`,
  };
  for (const [file, text] of Object.entries(programs)) writeFileSync(join(root, file), text, { mode: 0o755 });
  writeFileSync(join(root, 'scripts/build.js'), '');
  const env = { ...process.env, PATH: `${root}/bin:${process.env['PATH'] ?? ''}`, TMPDIR: join(root, 'tmp') };
  const { status, stdout, stderr } = spawnSync(join(root, 'scripts/test-vm'), args, { env, encoding: 'utf8' });
  return { status, lines: stdout.trimEnd().split('\n'), stderr };
}

const called = () => readFileSync(join(root, 'called'), 'utf8');

describe('the tests in the lab VM', () => {
  it('succeed when the VM says so and ends with the counts', () => {
    const { status, lines } = testVm(`echo something; echo '${counts}'`);
    expect({ status, last: lines.at(-1) }).toEqual({ status: 0, last: counts });
    expect(called()).toMatch(/test\/limits\/limits\.test\.ts .*test\/engine\/sandbox-kill\.test\.ts$/m);
  });

  it.each([
    ['the VM did not boot', 'exit 125', 125],
    ['the time was up', 'echo half; exit 124', 124],
    ['the VM ended without a word and with 0', 'true', 1],
    ['the counts are not the last that was said', `echo '${counts}'; echo more`, 1],
    ['the counts are part of a line', `echo 'was: ${counts}'`, 1],
    ['a test failed', "echo '2 passed, 1 failed, 0 skipped'; exit 1", 1],
    ['the VM fails after good counts', `echo '${counts}'; exit 3`, 3],
  ])('fail when %s', (_what, vm, expected) => {
    const { status, stderr } = testVm(vm);
    expect(status).toBe(expected);
    expect(stderr).toMatch(/failed with status/);
  });

  it('take the named files and the named LSM', () => {
    expect(testVm(`echo '${counts}'`, '--lsm', 'selinux', 'test/engine/other.test.ts').status).toBe(0);
    expect(called()).toContain('--lsm selinux ');
    expect(called()).toMatch(/test-vm engine podman,limits,systemd test\/engine\/other\.test\.ts$/m);
    expect(called()).not.toContain('--as-root');
  });

  it('run where root has installed the AppArmor profiles, without which they fail', () => {
    expect(testVm(`while [ "$1" != --as-root ]; do shift; done; cat "$2"; echo '${counts}'`).lines).toEqual([
      expect.stringMatching(/^node .*main\.js profiles install apparmor /),
      expect.stringMatching(/^node .*main\.js profiles install apparmor-nested /),
      expect.stringMatching(/^systemctl reload apparmor /),
      counts,
      counts,
    ]);
    expect(called()).toMatch(/test-vm .* podman,limits,systemd,apparmor test/);
  });

  it.each([
    [['test/engine/missing.test.ts'], /no such file/],
    [['test/engine/other.test.ts', 'test/unit/a.test.ts'], /no engine test/],
    [['--lsm', 'none'], /apparmor or selinux/],
    [['--lsm'], /which one/],
    [['--fast'], /usage/],
  ])('are not begun with %j', (args, message) => {
    const { status, stderr } = testVm('true', ...args);
    expect(status).toBe(1);
    expect(stderr).toMatch(message);
    expect(existsSync(join(root, 'called'))).toBe(false);
  });
});
