import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let root: string;
let started: ChildProcess[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'paddock-test-script-'));
  started = [];
});
afterEach(() => {
  for (const { pid } of started) if (pid !== undefined) endGroup(pid);
  rmSync(root, { recursive: true });
});

/** A script that fails its test may leave what it started behind. */
function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}

/** A script of this checkout in a folder where the programs it calls are what the test says. */
function start(script: string, args: readonly string[], programs: Readonly<Record<string, string>>): ChildProcess {
  for (const file of [script, 'scripts/lab/common.sh']) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    copyFileSync(file, join(root, file));
  }
  for (const part of ['bin', 'tmp']) mkdirSync(join(root, part), { recursive: true });
  for (const [file, body] of Object.entries(programs)) {
    writeFileSync(join(root, file), `#!/bin/bash\n${body}\n`, { mode: 0o755 });
  }
  writeFileSync(join(root, 'scripts/build.js'), '');
  writeFileSync(join(root, 'scripts/test-summary.js'), 'console.log("summary of", process.argv[3]);');
  // As whoever runs these tests may be told otherwise.
  const env = {
    ...process.env,
    PADDOCK_USER: '',
    PATH: `${root}/bin:${process.env['PATH'] ?? ''}`,
    TMPDIR: join(root, 'tmp'),
  };
  const child = spawn(join(root, script), args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  started.push(child);
  return child;
}

const stopBySignal = [
  ['SIGTERM', 143],
  ['SIGINT', 130],
  ['SIGHUP', 129],
] as const;
/** As npm does: the signal is taken, and the status says nothing of it. */
const waits = 'trap "exit 1" TERM INT HUP; echo up; while :; do sleep 0.05; done';
const log = () => readFileSync(join(root, 'log'), 'utf8').trim().split('\n');

function put(name: string, content = ''): void {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), content);
}

describe('the script that runs suites', () => {
  /** Every suite appends its command to `log`. */
  const run = (suite: string, ...names: readonly string[]) =>
    start('scripts/lab/suites', names, {
      'bin/id': 'echo 1000',
      'scripts/setup': '',
      'scripts/lab/clean-run': `echo "$*" >>"${root}/log"\n${suite}`,
    });

  it.each(stopBySignal)('ends with the suite that %s ended, and takes its reports away', async (signal, status) => {
    const child = run(waits);
    const exit = once(child, 'exit');
    await once(child.stdout!, 'data');
    child.kill(signal);
    expect(await exit).toEqual([status, null]);
    expect(log()).toEqual(['npm run --silent check']);
    expect(readdirSync(join(root, 'tmp'))).toEqual([]);
  });

  it('ends with a suite that died of a signal itself', async () => {
    const [status] = await once(run('kill -KILL $$'), 'exit');
    expect(status).toBe(137);
    expect(log()).toHaveLength(1);
  });

  it('goes on after a suite that failed, and fails itself', async () => {
    const [status] = await once(run('[ "$*" != "npm run --silent check" ]', 'check', 'native'), 'exit');
    expect(status).toBe(1);
    expect(log()).toEqual(['npm run --silent check', 'npm run --silent test:native']);
  });

  it('runs every test file of a suite in one of its halves, dealing the long ones first', async () => {
    const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map((name) => `test/engine/${name}.test.ts`);
    const below = 'test/escape/more/f.test.ts';
    for (const name of [a, b, c, d, e, below, 'test/cli/g.test.ts']) put(name!);
    put('scripts/lab/long-tests', `${e}\ntest/cli/g.test.ts\n${b}\n`);
    const counted: string[] = [];
    for (const half of ['engine/1', 'engine/2']) counted.push(await text(run('true', '--all', half).stdout!));
    // Of a suite that is required, and has no file in one of them, nothing is missing there.
    expect(counted).toEqual(['summary of engine\n', 'summary of engine,escape\n']);
    const files = log().map((line) => line.split(' ').filter((word) => word.startsWith('test/')));
    expect(files).toEqual([
      [e, c, d],
      [b, a, below],
    ]);
  });

  it('runs nothing of a half while the list of long tests names one that is not there', async () => {
    put('test/engine/a.test.ts');
    put('scripts/lab/long-tests', 'test/engine/gone.test.ts\n');
    expect(await once(run('true', '--all', 'engine/1'), 'exit')).toEqual([1, null]);
    expect(existsSync(join(root, 'log'))).toBe(false);
  });

  it('has a list of long tests of which each is there once', () => {
    const names = readFileSync('scripts/lab/long-tests', 'utf8').trimEnd().split('\n');
    expect(names.filter((name) => !existsSync(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  it('refuses a suite that it does not know', async () => {
    const [status] = await once(run('true', 'chekc'), 'exit');
    expect(status).toBe(1);
    expect(existsSync(join(root, 'log'))).toBe(false);
  });
});

describe('the test script with --all', () => {
  const good = "echo '2 passed, 0 failed, 1 skipped'";
  /** As root, where the suites of each user, and the VM, do what the test says. */
  const run = ({ checks = good, engine = good, e2e = good, vm = good }) =>
    start('scripts/test', ['--all'], {
      'bin/id': 'echo 0',
      'bin/uname': 'echo x86_64',
      'scripts/setup': `echo "$*" >>"${root}/setup"`,
      'scripts/lab/as-user': `[ -e "${root}/setup" ] || exit 9
echo "\${PADDOCK_USER:-} $*" >>"${root}/log"
case "$*" in *e2e/1*) ${e2e} ;; *engine/1*) ${engine} ;; */2*) ${good} ;; *) ${checks} ;; esac`,
      'scripts/test-vm': vm,
    });
  async function result(child: ChildProcess) {
    const [lines, [status]] = await Promise.all([text(child.stdout!), once(child, 'exit')]);
    return { status: status as number, lines: lines.trimEnd().split('\n') };
  }

  it('adds up what all lanes counted, each under a user of its own', async () => {
    const { status, lines } = await result(run({ vm: 'echo of the vm; echo 5 passed, 0 failed, 0 skipped' }));
    expect({ status, last: lines.at(-1) }).toEqual({ status: 0, last: '15 passed, 0 failed, 5 skipped' });
    expect(lines).toContain('of the vm');
    expect(
      log()
        .map((line) => line.trim())
        .toSorted(),
    ).toEqual([
      'paddock-ci-2 scripts/lab/suites --all e2e/1',
      'paddock-ci-3 scripts/lab/suites --all check',
      'paddock-ci-4 scripts/lab/suites --all engine/2 native node-24',
      'paddock-ci-5 scripts/lab/suites --all e2e/2',
      'scripts/lab/suites --all engine/1 monitoring kubernetes conformance oauth proxies fuzz',
    ]);
    expect(readdirSync(join(root, 'tmp'))).toEqual([]);
  });

  it('fails where a test file was run by no lane, or by two', async () => {
    for (const name of ['a', 'b', 'c']) put(`test/engine/${name}.test.ts`);
    const dealt = 'echo "== dealt to engine/1: test/engine/a.test.ts test/engine/c.test.ts" >&2';
    const again = 'echo "== dealt to e2e/1: test/engine/c.test.ts" >&2';
    const { status, lines } = await result(run({ engine: `${dealt}; ${good}`, e2e: `${again}; ${good}` }));
    expect([status, lines.at(-2)]).toEqual([1, '== not run by one lane: test/engine/b.test.ts test/engine/c.test.ts ']);
  });

  it('installs once what the users of the lanes get a copy of, before any of them', async () => {
    expect((await result(run({}))).status).toBe(0);
    // Without --packages-only, which leaves the npm packages to each of them.
    expect(readFileSync(join(root, 'setup'), 'utf8')).toBe('--with-docker --with-clang\n');
  });

  it('takes the counts of a lane that says something after them', async () => {
    const { status, lines } = await result(run({ e2e: `${good}; echo 'ended: process 7' >&2` }));
    expect({ status, last: lines.at(-1) }).toEqual({ status: 0, last: '12 passed, 0 failed, 6 skipped' });
  });

  it('names what failed once more at its end, with the beginning of the message', async () => {
    const vm = `printf '%s\\n' 'failed: a.test.ts: holds' '  Error: no' 'more of it' '  not this'; ${good}; exit 1`;
    const { lines } = await result(run({ vm, checks: `echo '== failed: check'; ${good}; exit 2` }));
    expect(lines.slice(-6)).toEqual([
      '== failed with status 2: checks',
      '== failed: check',
      '== failed with status 1: vm',
      'failed: a.test.ts: holds',
      '  Error: no',
      '12 passed, 0 failed, 6 skipped',
    ]);
  });

  it.each([
    [
      'the first lane fails',
      { checks: "echo '1 passed, 1 failed, 0 skipped'; exit 1" },
      '11 passed, 1 failed, 5 skipped',
    ],
    ['another fails after good counts', { e2e: `${good}; exit 3` }, '12 passed, 0 failed, 6 skipped'],
    ['the VM ends without counts', { vm: 'true' }, '10 passed, 0 failed, 5 skipped'],
    [
      'the counts are part of a line',
      { vm: 'echo was: 2 passed, 0 failed, 1 skipped' },
      '10 passed, 0 failed, 5 skipped',
    ],
    ['a lane is killed', { vm: 'kill -KILL $$' }, '10 passed, 0 failed, 5 skipped'],
  ])('fails when %s, and hears the others to their end', async (_what, lanes, last) => {
    const { status, lines } = await result(run(lanes));
    expect({ status, last: lines.at(-1) }).toEqual({ status: 1, last });
  });

  it('begins the VM when the checks have ended, and hears that they failed', async () => {
    const vm = `[ -e "${root}/checked" ] || exit 9; ${good}`;
    const child = run({ checks: `sleep 0.5; touch "${root}/checked"; ${good}; exit 4`, vm });
    const { status, lines } = await result(child);
    expect({ status, last: lines.at(-1) }).toEqual({ status: 1, last: '12 passed, 0 failed, 6 skipped' });
    expect(lines.filter((line) => line.startsWith('== failed'))).toEqual(['== failed with status 4: checks']);
  });

  it.each(stopBySignal)('does not begin the VM when %s came during the checks', async (signal, status) => {
    const child = run({ checks: `touch "${root}/up"; ${waits}`, vm: `touch "${root}/vm"; ${good}` });
    const ended = result(child);
    while (!existsSync(join(root, 'up'))) await sleep(20);
    child.kill(signal);
    expect((await ended).status).toBe(status);
    expect(existsSync(join(root, 'vm'))).toBe(false);
  });

  it.each(stopBySignal)('ends every lane on %s, and itself without counts', async (signal, status) => {
    const lane = `echo $$ >>"${root}/up"; ${waits}`;
    const child = run({ engine: lane, e2e: lane, vm: lane });
    const ended = result(child);
    const up = join(root, 'up');
    while (!existsSync(up) || readFileSync(up, 'utf8').trim().split('\n').length < 3) await sleep(20);
    child.kill(signal);
    const { status: got, lines } = await ended;
    expect(got).toBe(status);
    expect(lines.at(-1)).not.toMatch(/passed/);
    expect(readdirSync(join(root, 'tmp'))).toEqual([]);
  });
});
