import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pidNamespaceOf } from '../../src/sandbox/processes.js';
import type { Session } from '../../src/session/session.js';
import { commandWays } from './support/engines.js';
import { command, processesIn, run, Stage, said } from './support/stage.js';

const hasEnded = { timeout: 20_000, interval: 100 };

describe.each(commandWays)('the end of a sandbox of a real rootless %s, over %s', (kind, commandPath) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(kind, { commandPath });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  /** Nothing is left of a sandbox that ended by itself, and the engine has removed it without being asked. */
  async function gone(session: Session): Promise<void> {
    await expect.poll(() => session.sandbox.alive, hasEnded).toBe(false);
    await expect.poll(() => processesIn(session), hasEnded).toEqual([]);
    await expect.poll(() => containersOf(session), hasEnded).toEqual([]);
  }

  async function containersOf(session: Session): Promise<string[]> {
    return (await stage.containers()).map((c) => c.id).filter((id) => id === session.sandbox.handle.containerId);
  }

  it('comes at its deadline, with nobody’s help, and takes commands and container along', async () => {
    const session = await stage.create({ lifetime: '3s' });
    const entry = await session.start(command('setsid sleep 1000 & sleep 1000'));
    const [control] = session.sandbox.handle.evidence.controls.filter((c) => c.id === 'deadline');
    expect(control).toMatchObject({ status: 'enforced', asked: '3 s, by process 1' });
    await gone(session);
    await entry.settled;
    await expect(session.start(command('true'))).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    expect(await stage.sessions.destroy(session.id)).toBe(true);
  });

  it('comes at its deadline also when the process that made it is stopped meanwhile', async () => {
    const session = await stage.create({ lifetime: '4s' });
    // What watches must be another process: this one stands still over the deadline.
    const { initPid } = session.sandbox.handle;
    const before = pidNamespaceOf(initPid);
    const line = `kill -STOP ${process.pid}; sleep 6; readlink /proc/${initPid}/ns/pid; kill -CONT ${process.pid}`;
    const watcher = spawn('sh', ['-c', line], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
    let seen = '';
    watcher.stdout.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
    });
    await once(watcher, 'close');
    expect(seen.trim()).not.toBe(before);
    await gone(session);
    await stage.sessions.destroy(session.id);
  });

  it('comes when it has been idle for too long, but not while a command runs, and its holder says why', async () => {
    const session = await stage.create({ idleTimeout: '2s' });
    expect(await run(session, 'sleep 4; echo busy')).toMatchObject({ exitCode: 0 });
    await gone(session);
    expect(session.endedBecause).toBe('it was idle for 2s (sessions.idle)');
    await expect(session.start(command('true'))).rejects.toMatchObject({
      code: 'SESSION_ENDED',
      info: { ruleId: 'sessions.idle' },
    });
    expect(await stage.store.load(session.id)).toMatchObject({ state: 'ending', endedBecause: 'idle' });
    expect(await stage.sessions.destroy(session.id)).toBe(true);
    expect(await stage.store.load(session.id)).toBeUndefined();
  });

  it('does not come by a signal from inside: the kernel shields process 1, and what it lets through is not obeyed', async () => {
    const session = await stage.create();
    expect(await run(session, 'for s in KILL STOP SEGV TERM INT HUP; do kill -$s 1; done; echo sent')).toMatchObject({
      exitCode: 0,
    });
    expect(await said(session, 'echo lives')).toBe('lives');
    const state = readFileSync(`/proc/${session.sandbox.handle.initPid}/stat`, 'utf8').split(') ')[1];
    // Asleep or at work, but not stopped.
    expect(state).toMatch(/^[RSD]/);
    await stage.sessions.destroy(session.id);
  });

  it('does not come by a command that kills everything it can', async () => {
    const session = await stage.create();
    const other = await session.start(command('echo up; sleep 1000'));
    // An engine's exec is begun before it is there to be killed.
    await expect.poll(() => other.command.output.stdout.text(), { timeout: 30_000 }).toContain('up');
    const result = await run(session, 'setsid sleep 1000 & kill -9 -1; exit 5');
    expect([5, 137]).toContain(result.exitCode);
    await other.settled;
    expect(other.outcome).toMatchObject({ result: { exitCode: 137, signal: 'SIGKILL' } });
    expect(processesIn(session)).toEqual([]);
    expect(await said(session, 'echo lives')).toBe('lives');
    await stage.sessions.destroy(session.id);
  });

  it('does not come by a command that stops everything it can, itself included; both are ended in time', async () => {
    const session = await stage.create();
    const other = run(session, 'sleep 1000', { timeoutMs: 3000 });
    const result = await run(session, 'setsid sleep 1000 & kill -STOP -1; kill -STOP $$; sleep 1000', {
      timeoutMs: 1500,
    });
    expect(result).toMatchObject({ reason: 'timeout', exitCode: 124 });
    expect(await other).toMatchObject({ reason: 'timeout', exitCode: 124 });
    expect(processesIn(session)).toEqual([]);
    expect(await said(session, 'echo lives')).toBe('lives');
    await stage.sessions.destroy(session.id);
  });

  it('by destroying takes running commands along, tells their end, and may be asked for twice', async () => {
    const session = await stage.create();
    const entry = await session.start(command('(env -i setsid sleep 1000 &); sleep 1000'));
    const results = await Promise.all([1, 2].map(() => stage.sessions.destroy(session.id)));
    expect(results).toContain(true);
    expect(await stage.sessions.destroy(session.id)).toBe(false);
    expect(await containersOf(session)).toEqual([]);
    expect(pidNamespaceOf(session.sandbox.handle.initPid)).not.toBe(session.sandbox.handle.namespace);
    await entry.settled;
    expect(entry.outcome).toBeDefined();
    await expect(session.start(command('true'))).rejects.toMatchObject({ code: 'SESSION_ENDED' });
  });

  it('may come while a session is being made: nothing of it stays', async () => {
    for (const delayMs of [0, 30, 120, 250]) {
      const cancel = new AbortController();
      const making = stage.create({}, cancel.signal).then(
        (session) => stage.sessions.destroy(session.id),
        (error: unknown) => error,
      );
      setTimeout(() => cancel.abort(), delayMs);
      await making;
      expect(await stage.containers()).toEqual([]);
      expect((await stage.store.list()).records).toEqual([]);
    }
  });

  it('for eight at once is as for one, and a ninth is refused', async () => {
    const sessions = await Promise.all(Array.from({ length: 8 }, (_, n) => stage.create({ env: { N: String(n) } })));
    await expect(stage.create()).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    expect(await Promise.all(sessions.map((session) => said(session, 'echo $N')))).toEqual(
      sessions.map((_, n) => String(n)),
    );
    const namespaces = sessions.map((session) => session.sandbox.handle.namespace);
    expect(new Set(namespaces).size).toBe(8);
    await Promise.all(sessions.map((session) => stage.sessions.destroy(session.id)));
    expect(await stage.containers()).toEqual([]);
  });
});
