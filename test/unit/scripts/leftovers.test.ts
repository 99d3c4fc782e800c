import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder: string;
let started: ChildProcess[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'paddock-leftovers-'));
  started = [];
});
afterEach(() => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** A process that waits for ever; resolves when it runs its program. */
async function waiting(env: NodeJS.ProcessEnv, script = 'process.stdout.write("up"); setInterval(() => {}, 1e6)') {
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'], env });
  started.push(child);
  await once(child.stdout, 'data');
  return child;
}

const look = (...args: string[]) =>
  spawnSync(process.execPath, ['scripts/lab/leftovers.js', '--grace', '0', ...args, folder], { encoding: 'utf8' });

/** Neither gone nor a zombie that waits for a parent who is slow to reap. */
const lives = (pid: string) => {
  const path = `/proc/${pid}/stat`;
  return existsSync(path) && !readFileSync(path, 'utf8').includes(') Z ');
};

describe('the look for leftovers', () => {
  it('finds nothing where nothing is', () => {
    expect(look()).toMatchObject({ status: 0, stderr: '' });
  });

  it('names and ends a process that has the folder in its environment, and no other', async () => {
    const stray = await waiting({ XDG_RUNTIME_DIR: folder });
    const other = await waiting({});
    const ended = once(stray, 'exit');
    const run = look();
    expect(run.status).toBe(1);
    expect(run.stderr).toContain(`left behind: process ${String(stray.pid)} `);
    expect(run.stderr).not.toContain(`process ${String(other.pid)} `);
    await ended;
    expect(other.exitCode ?? other.signalCode).toBeNull();
  }, 30_000);

  it('ends the descendants of such a process too, which name nothing', async () => {
    const script = `const c = require('node:child_process').spawn('sleep', ['1000'], { env: {}, stdio: 'ignore' });
      process.stdout.write(String(c.pid)); setInterval(() => {}, 1e6)`;
    const child = spawn(process.execPath, ['-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: process.env['PATH'], MARK: folder },
    });
    started.push(child);
    const [pid] = (await once(child.stdout, 'data')) as [Buffer];
    expect(lives(pid.toString())).toBe(true);
    expect(look().stderr).toContain(`left behind: process ${pid.toString()} (sleep)`);
    expect(lives(pid.toString())).toBe(false);
  }, 30_000);

  it('ends a process that ignores SIGTERM, and does not judge when told only to end', async () => {
    const stubborn = await waiting(
      { MARK: folder },
      'process.on("SIGTERM", () => {}); process.stdout.write("up"); setInterval(() => {}, 1e6)',
    );
    const ended = once(stubborn, 'exit');
    expect(look('--end', '--patience', '0.3')).toMatchObject({ status: 0, stderr: '' });
    expect(await ended).toEqual([null, 'SIGKILL']);
  }, 30_000);
});
