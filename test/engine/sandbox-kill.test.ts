import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ExecResult } from '../../src/core/exec.js';
import type { Session } from '../../src/session/session.js';
import type { SessionCommand } from '../../src/session/session-command.js';
import { commandWays } from './support/engines.js';
import { command, processesIn, run, Stage, said } from './support/stage.js';

/** Children that a plain kill of the command's process, its group, its session or its marked tree would miss. */
const stubborn: readonly (readonly [string, string])[] = [
  ['plain children', 'sleep 1000 & sleep 1000 & wait'],
  ['a grandchild whose parent is gone', '(sleep 1000 &); sleep 1000'],
  ['a daemon in a session of its own', '(setsid sh -c "sleep 1000 & wait" >/dev/null 2>&1 &); sleep 1000'],
  ['a daemon with an empty environment', '(env -i setsid /bin/sh -c "/usr/bin/sleep 1000 & wait" &); sleep 1000'],
  ['one that ignores SIGTERM', 'trap "" TERM HUP INT; while :; do sleep 1000; done'],
  [
    'a daemon that ignores everything it can',
    `(env -i setsid sh -c 'trap "" 1 2 3 15; sleep 1000 & wait' &); sleep 999`,
  ],
  ['stopped ones', 'sleep 1000 & kill -STOP $!; (setsid sleep 1000 &); kill -STOP $$'],
  ['one with the mark of another command', 'PADDOCK_COMMAND=cmd_aaaaaaaaaaaaaaaa setsid sleep 1000 & wait'],
  [
    'children that go on forking',
    'f() { while :; do (sleep 0.05 & sleep 0.05) & sleep 0.03; done; }; f & f & (setsid sh -c "while :; do sleep 0.02 & sleep 0.02; done" &); wait',
  ],
];

describe.each(commandWays)('ending a command in a sandbox of a real rootless %s, over %s', (kind, commandPath) => {
  let stage: Stage;
  let session: Session;

  beforeAll(async () => {
    // Where a command may do the most to get away: make pid namespaces.
    stage = await Stage.open(kind, { commandPath, policy: { seccomp: ['nested'] } });
    session = await stage.create({ seccomp: 'nested' });
  });
  afterEach(() => {
    // Whatever a test did: the next one begins in an empty sandbox.
    expect(processesIn(session)).toEqual([]);
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  async function resultOf(entry: SessionCommand): Promise<ExecResult> {
    await entry.settled;
    if (entry.outcome === undefined || 'error' in entry.outcome) throw new Error('no result', { cause: entry.outcome });
    return entry.outcome.result;
  }

  /** Starts a command and waits until it has said `up`. */
  async function up(line: string, signal?: AbortSignal): Promise<SessionCommand> {
    const entry = await session.start(command(`echo up; ${line}`), signal === undefined ? {} : { signal });
    await expect.poll(() => entry.command.output.stdout.text(), { timeout: 10_000, interval: 20 }).toContain('up\n');
    return entry;
  }

  it.each(stubborn)('at its timeout leaves none of %s', async (_what, line) => {
    const result = await run(session, `echo begun; ${line}`, { timeoutMs: 2000 });
    expect(result).toMatchObject({ reason: 'timeout', exitCode: 124 });
    expect(result.stdout.text).toBe('begun\n');
    expect(processesIn(session)).toEqual([]);
    expect(await said(session, 'echo lives')).toBe('lives');
  });

  it('gives it two seconds after SIGTERM to put things in order', async () => {
    const entry = await up('trap "echo bye; exit 0" TERM; echo set; while :; do sleep 0.1; done');
    await expect.poll(() => entry.command.output.stdout.text()).toContain('set\n');
    await entry.command.end('timeout');
    const result = await resultOf(entry);
    expect(result).toMatchObject({ reason: 'timeout', exitCode: 124 });
    expect(result.stdout.text).toBe('up\nset\nbye\n');
  });

  it('by a signal of the caller says so, and leaves nothing', async () => {
    const cancel = new AbortController();
    const entry = await up('(setsid sleep 1000 &); sleep 1000', cancel.signal);
    cancel.abort();
    expect(await resultOf(entry)).toMatchObject({ reason: 'aborted', exitCode: 130 });
    expect(processesIn(session)).toEqual([]);
  });

  it('right after it was started, before the engine has shown a process, leaves nothing either', async () => {
    for (let round = 0; round < 5; round += 1) {
      const cancel = new AbortController();
      const entry = await session.start(command('setsid sleep 1000 & sleep 1000'), { signal: cancel.signal });
      cancel.abort();
      expect(await resultOf(entry)).toMatchObject({ reason: 'aborted', exitCode: 130 });
      expect(processesIn(session)).toEqual([]);
    }
  });

  it('while it is being started ends it, or keeps it from being started', async () => {
    for (const delayMs of [0, 5, 20, 60]) {
      const cancel = new AbortController();
      const starting = session.start(command('sleep 1000'), { signal: cancel.signal });
      const ended = starting.then(resultOf, (error: unknown) => error);
      await sleep(delayMs);
      cancel.abort();
      const how = await ended;
      if (how instanceof Error) expect(how.name).toBe('AbortError');
      else expect(how).toMatchObject({ reason: 'aborted' });
      expect(processesIn(session)).toEqual([]);
    }
  });

  it('with a signal that has fired already starts nothing', async () => {
    const starting = session.start(command('sleep 1000'), { signal: AbortSignal.abort() });
    await expect(starting).rejects.toMatchObject({ name: 'AbortError' });
    expect(session.liveCommands).toBe(0);
  });

  it('twice, and by several at once, keeps the first reason', async () => {
    const entry = await up('sleep 1000');
    await Promise.all([entry.command.end('timeout'), entry.command.end('aborted'), entry.command.end('output-limit')]);
    expect(await resultOf(entry)).toMatchObject({ reason: 'timeout', exitCode: 124 });
    await entry.command.end('aborted');
  });

  it('takes its background children along, counts them, and is not held back by them', async () => {
    const line = 'sleep 1000 & setsid sleep 1000 & env -i setsid sleep 1000 & echo done; exit 3';
    const result = await run(session, line, { timeoutMs: 30_000 });
    expect(result).toMatchObject({ exitCode: 3, reason: 'exited', strays: 3 });
    expect(result.stdout.text).toBe('done\n');
    expect(processesIn(session)).toEqual([]);
  });

  it('spares another command, its daemons included', async () => {
    const other = await up(
      '(setsid sh -c "sleep 1000 & wait" &); until [ -e /tmp/go1 ]; do sleep 0.1; done; echo still here',
    );
    const entry = await up('(setsid sleep 1000 &); (env -i setsid sleep 1000 &); sleep 1000');
    await entry.command.end('aborted');
    expect(await resultOf(entry)).toMatchObject({ reason: 'aborted' });
    expect(processesIn(session).filter((name) => name === 'sh').length).toBeGreaterThanOrEqual(2);
    await said(session, ': >/tmp/go1');
    const spared = await resultOf(other);
    expect(spared).toMatchObject({ exitCode: 0, reason: 'exited' });
    expect(spared.stdout.text).toContain('still here');
  });

  it('spares another command that runs without its environment', async () => {
    const other = await up(
      'exec env -i /bin/sh -c "until [ -e /tmp/go2 ]; do /usr/bin/sleep 0.1; done; echo still here; exit 6"',
    );
    const entry = await up('(env -i setsid /usr/bin/sleep 1000 &); sleep 1000');
    await entry.command.end('aborted');
    expect(await resultOf(entry)).toMatchObject({ reason: 'aborted' });
    await said(session, ': >/tmp/go2');
    const spared = await resultOf(other);
    expect(spared).toMatchObject({ exitCode: 6, reason: 'exited' });
    expect(spared.stdout.text).toContain('still here');
  });

  it('spares commands that are just being started', async () => {
    for (let round = 0; round < 4; round += 1) {
      const entry = await up('sleep 1000');
      const others = Promise.all([1, 2, 3].map((n) => run(session, `sleep 0.3; exit ${n}`)));
      await sleep(round * 25);
      await entry.command.end('aborted');
      expect((await others).map((r) => [r.exitCode, r.reason])).toEqual([1, 2, 3].map((n) => [n, 'exited']));
      await entry.settled;
    }
  });

  it('reaches a process in a pid namespace of its own, where the kernel lets it make one', async () => {
    const probe = await run(session, 'unshare --user --map-root-user --pid --fork true');
    // On Docker commands are uid 0, which the kernel lets nobody without CAP_SETFCAP map into another namespace.
    expect([probe.exitCode, probe.stderr.text]).toEqual(
      kind === 'podman' ? [0, ''] : [1, expect.stringMatching(/not permitted|denied/i) as unknown],
    );
    const hide = 'setsid unshare --user --map-root-user --pid --fork sh -c "sleep 1000 & sleep 1000"';
    const open = `(${hide} &); sleep 1; pkill -9 unshare; echo hidden; sleep 1000`;
    const entry = await up(probe.exitCode === 0 ? open : 'echo hidden; sleep 1000');
    await expect.poll(() => entry.command.output.stdout.text(), { timeout: 10_000 }).toContain('hidden\n');
    await entry.command.end('timeout');
    expect(await resultOf(entry)).toMatchObject({ reason: 'timeout', exitCode: 124 });
    expect(processesIn(session)).toEqual([]);
  });
});
