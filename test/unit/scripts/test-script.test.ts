import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** A script that fails its test may leave the suite it started behind. */
function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}

/**
 * scripts/test of this checkout in a folder where what it calls (set-up, build, the run of a suite) is what the test
 * says, with its caller taken for an ordinary user. Every suite appends its command to `log`.
 */
function start(suite: string): ChildProcess {
  for (const part of ['scripts/lab', 'bin', 'tmp']) mkdirSync(join(root, part), { recursive: true });
  for (const file of ['scripts/test', 'scripts/lab/common.sh']) copyFileSync(file, join(root, file));
  const nothing = '#!/bin/bash\n';
  const programs = {
    'bin/id': '#!/bin/bash\necho 1000\n',
    'scripts/setup': nothing,
    'scripts/lab/clean-run': `#!/bin/bash\necho "$*" >>"${root}/log"\n${suite}\n`,
  };
  for (const [file, text] of Object.entries(programs)) writeFileSync(join(root, file), text, { mode: 0o755 });
  writeFileSync(join(root, 'scripts/build.js'), '');
  writeFileSync(join(root, 'scripts/test-summary.js'), 'console.log("summary");');
  const env = { ...process.env, PATH: `${root}/bin:${process.env['PATH'] ?? ''}`, TMPDIR: join(root, 'tmp') };
  const child = spawn(join(root, 'scripts/test'), [], { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  started.push(child);
  return child;
}

const log = () => readFileSync(join(root, 'log'), 'utf8').trim().split('\n');

describe('the test script', () => {
  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)('ends with the suite that %s ended, and takes its reports away', async (signal, status) => {
    // As npm does: the signal is taken, and the status says nothing of it.
    const child = start('trap "exit 1" TERM INT HUP; echo up; while :; do sleep 0.05; done');
    const exit = once(child, 'exit');
    await once(child.stdout!, 'data');
    child.kill(signal);
    expect(await exit).toEqual([status, null]);
    expect(log()).toEqual(['npm run --silent check']);
    expect(readdirSync(join(root, 'tmp'))).toEqual([]);
  });

  it('ends with a suite that died of a signal itself', async () => {
    const [status] = await once(start('kill -KILL $$'), 'exit');
    expect(status).toBe(137);
    expect(log()).toHaveLength(1);
  });

  it('goes on after a suite that failed, and fails itself', async () => {
    const child = start('[ "$*" != "npm run --silent check" ]');
    const [status] = await once(child, 'exit');
    expect(status).toBe(1);
    expect(log()[0]).toBe('npm run --silent check');
  });
});
