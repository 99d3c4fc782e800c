import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Command, sh } from './support/command.js';
import { builtInit } from './support/compiled.js';
import { from, NativeInit } from './support/peer.js';

const init = builtInit();

/** Whether any of these is still a process, dead ones that nobody waited for included. */
function anyAlive(pids: readonly (string | number)[]): boolean {
  return pids.some((pid) => {
    try {
      process.kill(Number(pid), 0);
      return true;
    } catch {
      return false;
    }
  });
}

describe('the end of a command', () => {
  it('comes by its timeout, with SIGTERM first', async () => {
    using native = new NativeInit(init);
    const script = 'trap "echo term; exit 7" TERM; echo ready; while :; do sleep 0.01; done';
    const command = new Command(await native.greeted(), 1, sh(script), { timeoutMs: 150, graceMs: 30_000 });
    expect(await command.exited()).toMatchObject({ how: 0, status: 7, cause: 1 });
    expect(command.text()).toBe('ready\nterm\n');
  });

  it('comes by SIGKILL after the grace when SIGTERM is ignored, for all of its tree', async () => {
    using native = new NativeInit(init);
    const script = 'trap "" TERM; sleep 60 & echo $$ $! ; sleep 60; sleep 60';
    const command = new Command(await native.greeted(), 1, sh(script), { timeoutMs: 100, graceMs: 100 });
    expect(await command.exited()).toMatchObject({ how: 1, status: 9, cause: 1 });
    expect(anyAlive(command.text().trim().split(' '))).toBe(false);
  });

  it('comes when the holder asks, also to what was stopped', async () => {
    using native = new NativeInit(init);
    const command = new Command(await native.greeted(), 1, sh('echo $$; kill -STOP $$; sleep 60'));
    await command.shows(/\d\n/);
    command.end(30_000);
    expect(await command.exited()).toMatchObject({ how: 1, status: 15, cause: 2 });
  });

  it('waits for no grace when asked again without one', async () => {
    using native = new NativeInit(init);
    const command = new Command(await native.greeted(), 1, sh('trap "" TERM; echo ready; sleep 60; sleep 60'));
    await command.shows(/ready/);
    command.end(30_000);
    command.end(0);
    expect(await command.exited()).toMatchObject({ how: 1, status: 9, cause: 2 });
  });

  it('takes with it what the first process left, and says how many that were', async () => {
    using native = new NativeInit(init);
    const command = new Command(await native.greeted(), 1, sh('sleep 60 & echo $!; exit 4'));
    expect(await command.exited()).toMatchObject({ how: 0, status: 4, cause: 0, strays: 1 });
    expect(anyAlive([command.text().trim()])).toBe(false);
  });

  it('takes with it daemons that forked twice into sessions of their own', async () => {
    using native = new NativeInit(init);
    const daemon = `setsid sh -c '(trap "" HUP TERM; echo $$; setsid sh -c "echo \\$\\$; sleep 60" &) & sleep 60' &`;
    const command = new Command(await native.greeted(), 1, sh(`${daemon} ${daemon} sleep 0.3; exit 0`));
    const exited = await command.exited();
    const pids = command.text().trim().split('\n');
    expect(pids).toHaveLength(4);
    expect(exited.strays).toBeGreaterThanOrEqual(4);
    expect(anyAlive(pids)).toBe(false);
  });

  it('signals one process or the whole tree', async () => {
    using native = new NativeInit(init);
    const script = `trap 'echo outer' USR1; sh -c 'trap "echo inner" USR1; echo ready; while :; do sleep 0.01; done' &
      while :; do sleep 0.01; done`;
    const command = new Command(await native.greeted(), 1, sh(script));
    await command.shows(/ready/);
    command.signal(10, 0);
    await command.shows(/outer/);
    expect(command.text()).not.toContain('inner');
    command.signal(9, 1);
    expect(await command.exited()).toMatchObject({ how: 1, status: 9, cause: 0 });
  });

  it('comes to a loop of forks that ignore SIGTERM', async () => {
    using native = new NativeInit(init);
    // Each lives for a moment and leaves two: never the same processes, never none, and at most about two hundred.
    const bomb = `trap "" TERM HUP; f() { setsid sh -c "$1" x "$1" & }; echo ready; i=0
      while :; do i=$((i+1)); (sleep 0.0$((i % 9)) & (setsid sleep 0.2 &) &); [ $((i % 20)) = 0 ] && sleep 0.02; done`;
    const command = new Command(await native.greeted(), 1, sh(bomb), { graceMs: 50, timeoutMs: 300 });
    expect(await command.exited()).toMatchObject({ how: 1, status: 9, cause: 1 });
    expect(readFileSync(`/proc/${native.pid}/task/${native.pid}/children`, 'utf8')).toBe('');
  });

  it('is reported as lost when its supervisor was killed, and nothing of it stays', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const script = '(setsid sleep 60 & echo $!) ; echo $$ $PPID; kill -9 $PPID; sleep 60';
    const command = new Command(peer, 1, sh(script));
    const bystander = new Command(peer, 2, sh('sleep 0.4; echo fine'));
    expect(await command.exited()).toMatchObject({ how: 2, cause: 3 });
    expect(anyAlive(command.text().trim().split(/\s/))).toBe(false);
    expect(await bystander.exited()).toMatchObject({ how: 0, status: 0, cause: 0 });
  });

  it('is not held up by a supervisor that was stopped', async () => {
    using native = new NativeInit(init);
    const script = 'echo ready; kill -STOP $PPID; sleep 60';
    const command = new Command(await native.greeted(), 1, sh(script), { timeoutMs: 100 });
    expect(await command.exited()).toMatchObject({ how: 1, status: 9, cause: 1 });
  });

  it('is not held up by one that is stopped again and again', async () => {
    using native = new NativeInit(init);
    const script = 'echo ready; while :; do kill -STOP $PPID || exit; done';
    const command = new Command(await native.greeted(), 1, sh(script), { timeoutMs: 100 });
    const exited = await command.exited();
    // Whoever is faster: the supervisor between two stops, or process 1, which then ends it.
    expect(exited.cause === 1 || exited.cause === 3).toBe(true);
    expect(readFileSync(`/proc/${native.pid}/task/${native.pid}/children`, 'utf8')).toBe('');
  });

  it('leaves a session that goes on, however many supervisors were killed at once', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const exits = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        new Command(peer, i + 1, sh('(sleep 60 &); kill -9 $PPID; sleep 60')).exited(),
      ),
    );
    expect(exits.map((each) => each.how)).toEqual(exits.map(() => 2));
    expect(await new Command(peer, 100, ['true']).exited()).toMatchObject({ how: 0, status: 0 });
    expect(peer.of(from.BYE)).toEqual([]);
  });
});
