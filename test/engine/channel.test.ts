import { readdirSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toPaddockError } from '../../src/core/errors.js';
import { processesOf } from '../../src/sandbox/processes.js';
import type { Session } from '../../src/session/session.js';
import { CountingSocket } from './support/counting-socket.js';
import { emptyRootTar, engineKinds, engineSockets, uniqueName } from './support/engines.js';
import { command, processesIn, run, Stage, said } from './support/stage.js';

const mib = 1024 ** 2;

describe.each(engineKinds)('commands over the channel on a real rootless %s', (kind) => {
  let stage: Stage;
  let session: Session;
  let counting: CountingSocket;

  beforeAll(async () => {
    counting = await CountingSocket.before(engineSockets[kind]);
    stage = await Stage.open(kind, { socketPath: counting.path });
    session = await stage.create();
  });
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
    await counting[Symbol.asyncDispose]();
  });

  it('ask nothing of the engine: not one byte goes to it, whatever a command does', async () => {
    const before = counting.sentBytes;
    expect(before).toBeGreaterThan(0);
    for (let n = 0; n < 20; n += 1) expect((await run(session, `exit ${n}`)).exitCode).toBe(n);
    await run(session, 'sleep 100', { timeoutMs: 300 });
    await run(session, 'yes', { outputLimitBytes: mib });
    const entry = await session.start(command('setsid sleep 1000 & sleep 1000'));
    await entry.command.end('aborted');
    await entry.settled;
    expect(await said(session, 'cat', { stdin: 'in and out' })).toBe('in and out');
    expect(counting.sentBytes).toBe(before);
  });

  it('leave nothing behind: a thousand of them, and neither a process nor a descriptor more', async () => {
    for (let n = 0; n < 50; n += 1) await run(session, ['/bin/true']);
    const { initPid } = session.sandbox.handle;
    const held = () => ({
      ours: readdirSync('/proc/self/fd').length,
      inside: threadsAndSize(initPid),
    });
    const before = held();
    for (let round = 0; round < 100; round += 1) {
      const results = await Promise.all(Array.from({ length: 10 }, () => run(session, ['/bin/true'])));
      expect(results.every(({ exitCode }) => exitCode === 0)).toBe(true);
    }
    expect(processesIn(session)).toEqual([]);
    const after = held();
    expect(after.ours).toBeLessThanOrEqual(before.ours);
    expect(after.inside.residentBytes - before.inside.residentBytes).toBeLessThan(256 * 1024);
    expect(after.inside.residentBytes).toBeLessThanOrEqual(mib);
  });

  it('tell what they used: time, processors, memory', async () => {
    // Until so much has been used: on a busy machine a time says little about that.
    const line = `node -e 'const b = Buffer.alloc(64 * 1024 * 1024, 1); const t = Date.now(); while (Date.now() - t < 300 || process.cpuUsage().user < 150_000);'`;
    const { usage, exitCode } = await run(session, line);
    expect(exitCode).toBe(0);
    expect(usage.durationMs).toBeGreaterThanOrEqual(300);
    expect(usage.userCpuMs).toBeGreaterThan(100);
    expect(usage.peakProcessBytes).toBeGreaterThan(64 * mib);
    expect(usage.peakProcessBytes).toBeLessThan(1024 * mib);
  });

  it('may have a terminal, whose size can change while they run', async () => {
    let seen = '';
    const onOutput = (_stream: string, chunk: Buffer) => {
      seen += chunk.toString();
    };
    const script = 'stty size; trap "stty size; exit 3" WINCH; echo ready; while :; do sleep 0.1; done';
    const entry = await session.start(command(script), { terminal: { rows: 31, columns: 97 }, onOutput });
    await expect.poll(() => seen, { timeout: 5000 }).toContain('ready');
    expect(seen).toContain('31 97');
    await entry.command.resize({ rows: 40, columns: 120 });
    await entry.settled;
    expect(seen).toContain('40 120');
    expect(entry.outcome).toMatchObject({ result: { exitCode: 3 } });
  });

  it('get Ctrl-C through their terminal: what is in front ends, the shell goes on', async () => {
    let seen = '';
    const { PassThrough } = await import('node:stream');
    const stdin = new PassThrough();
    const onOutput = (_stream: string, chunk: Buffer) => {
      seen += chunk.toString();
    };
    const entry = await session.start(command(['/bin/sh', '-i']), {
      terminal: { rows: 24, columns: 80 },
      stdin,
      onOutput,
    });
    stdin.write('echo be""gun; sleep 1000\n');
    await expect.poll(() => seen, { timeout: 5000 }).toContain('begun');
    await expect.poll(() => processesIn(session), { timeout: 5000 }).toContain('sleep');
    stdin.write('\x03');
    await expect.poll(() => processesIn(session), { timeout: 5000 }).not.toContain('sleep');
    stdin.write('echo still""here; exit 5\n');
    await entry.settled;
    expect(seen).toContain('stillhere');
    expect(entry.outcome).toMatchObject({ result: { exitCode: 5 } });
  });

  it('run in an image that is empty but for our own program', async () => {
    const reference = `localhost/${uniqueName('paddock-empty')}:1`;
    await stage.engine.importImage(reference, emptyRootTar());
    const own = await Stage.open(kind, { policy: { images: ['localhost/*'] } });
    try {
      const empty = await own.create({ image: reference });
      const result = await run(empty, ['/.paddock/init', '--version']);
      expect(result).toMatchObject({ exitCode: 0, reason: 'exited' });
      expect(result.stdout.text).toMatch(/^paddock-init \d/);
      expect(await run(empty, ['/bin/sh', '-c', 'true'])).toMatchObject({ exitCode: 127 });
    } finally {
      await own[Symbol.asyncDispose]();
      await stage.engine.removeImage(reference);
    }
  });

  it('end with the session when process 1 is killed from outside, which then says so', async () => {
    const doomed = await stage.create();
    const entry = await doomed.start(command('echo up; sleep 1000'));
    await expect.poll(() => entry.command.output.stdout.text()).toContain('up');
    process.kill(doomed.sandbox.handle.initPid, 'SIGKILL');
    await entry.settled;
    expect(entry.outcome).toMatchObject({ result: { reason: 'session-ended', exitCode: 137 } });
    expect(entry.command.output.stdout.text()).toBe('up\n');
    expect(doomed.sandbox.endedBecause).toMatch(/killed/);
    await expect(doomed.start(command('true'))).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    await stage.sessions.destroy(doomed.id);
  });

  // Without its holder a detached sandbox would live on, with whatever it is that speaks for its process 1.
  it.each(['attached', 'detached'] as const)(
    'end with the session, container and all, when what comes from process 1 breaks the rules (%s)',
    async (lease) => {
      await using sessions = stage.newSessions(lease);
      const doomed = await sessions.create({ workspace: 'none' });
      const { containerId, namespace } = doomed.sandbox.handle;
      const entry = await doomed.start(command('setsid sleep 1000 & echo up; exec sleep 1000'));
      await expect.poll(() => entry.command.output.stdout.text()).toContain('up');
      const out = await open(join(stage.store.channelFolder(doomed.id), 'out'), 'a');
      await out.write(Buffer.alloc(64, 0xff));
      await out.close();
      await entry.settled;
      expect(entry.outcome).toMatchObject({ result: { reason: 'session-ended', exitCode: 137 } });
      await expect(doomed.start(command('true'))).rejects.toMatchObject({ code: 'SESSION_ENDED' });
      const found = () =>
        stage.engine.inspectContainer(containerId).catch((error: unknown) => toPaddockError(error).code);
      await expect.poll(found, { timeout: 20_000 }).toBe('ENGINE_NOT_FOUND');
      expect(processesOf(namespace)).toEqual([]);
      expect(doomed.sandbox.alive).toBe(false);
      await stage.store.remove(doomed.id);
    },
  );
});

function threadsAndSize(pid: number): { readonly residentBytes: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return { residentBytes: Number(kib) * 1024 };
}
