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
  for (const part of ['scripts/lab', 'bin', 'tmp', 'test/engine', 'test/escape', 'test/limits'])
    mkdirSync(join(root, part), { recursive: true });
  for (const file of ['scripts/test-vm', 'scripts/lab/common.sh']) copyFileSync(file, join(root, file));
  for (const name of [
    'limits/limits',
    'limits/selinux',
    'engine/evidence',
    'engine/commands',
    'engine/sandbox-kill',
    'engine/kube',
    'engine/other',
    'escape/system-calls',
  ]) {
    writeFileSync(join(root, `test/${name}.test.ts`), '');
  }
  const programs = {
    'bin/id': '#!/bin/bash\necho 0\n',
    'scripts/setup': '#!/bin/bash\n',
    'scripts/lab/vm-run': `#!/bin/bash\necho "$*" >>"${root}/called"\n${vm}\n`,
  };
  for (const [file, text] of Object.entries(programs)) writeFileSync(join(root, file), text, { mode: 0o755 });
  writeFileSync(join(root, 'scripts/build.js'), '');
  const env = { ...process.env, PATH: `${root}/bin:${process.env['PATH'] ?? ''}`, TMPDIR: join(root, 'tmp') };
  const { status, stdout, stderr } = spawnSync(join(root, 'scripts/test-vm'), args, { env, encoding: 'utf8' });
  return { status, lines: stdout.trimEnd().split('\n'), stderr };
}

const called = () => readFileSync(join(root, 'called'), 'utf8');

describe('the tests in the lab VM', () => {
  it('succeed when the VM says so with each LSM and ends with the counts of both', () => {
    const { status, lines } = testVm(`echo something; echo '${counts}'`);
    expect({ status, last: lines.at(-1) }).toEqual({ status: 0, last: '6 passed, 0 failed, 0 skipped' });
    const [apparmor, selinux, ...more] = called().match(/^ *test-vm .*$/gm) ?? [];
    expect(apparmor).toMatch(
      /test-vm engine,escape,limits podman,limits,systemd,apparmor test\/limits\/limits\.test\.ts .*test\/escape\/system-calls\.test\.ts$/,
    );
    expect(apparmor).not.toContain('selinux');
    expect(selinux).toMatch(/test-vm limits podman,limits,systemd,selinux test\/limits\/selinux\.test\.ts$/);
    expect(more).toEqual([]);
  });

  it('fail when one of the two does, after the other has run', () => {
    const vm = (bad: string) => `if [ "$2" = ${bad} ]; then exit 5; fi; echo '${counts}'`;
    for (const bad of ['apparmor', 'selinux']) {
      const { status, lines } = testVm(vm(bad));
      expect({ status, last: lines.at(-1) }).toEqual({ status: 5, last: counts });
    }
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
    expect(called()).toMatch(/test-vm engine podman,limits,systemd,selinux test\/engine\/other\.test\.ts$/m);
  });

  it('take named files with AppArmor unless it is said', () => {
    expect(testVm(`echo '${counts}'`, 'test/engine/other.test.ts').lines.at(-1)).toBe(counts);
    expect(called()).toContain('--lsm apparmor ');
    expect(called()).not.toContain('--lsm selinux ');
  });

  it.each([
    ['apparmor', ['profiles install apparmor ', 'profiles install apparmor-nested ', 'systemctl reload apparmor ']],
    ['selinux', ['profiles install selinux ']],
  ])('run where root has installed the profiles for %s, without which they fail', (lsm, lines) => {
    const vm = `while [ "$1" != --as-root ]; do shift; done; cat "$2"; echo '${counts}'`;
    const expected = [...lines.map((line): unknown => expect.stringContaining(line)), counts, counts];
    expect(testVm(vm, '--lsm', lsm).lines).toEqual(expected);
    expect(called()).toMatch(new RegExp(`test-vm .* podman,limits,systemd,${lsm} test`));
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
