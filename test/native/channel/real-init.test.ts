import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openChannel } from '../../../src/channel/channel.js';
import { takeOverChannel } from '../../../src/channel/take-over.js';
import { systemClock } from '../../../src/kit/clock.js';
import { boottimeMs } from '../../../src/sandbox/host-facts.js';
import { Kept } from '../../unit/channel/support/rig.js';
import { builtInit } from '../init/support/compiled.js';
import { RealRig, shell, startInit } from './support/real-init.js';

let program: string;
beforeAll(() => {
  program = builtInit();
}, 60_000);

describe.each(['a pair of streams', 'FIFOs'] as const)('the real process 1 over %s', (kind) => {
  let rig: RealRig;
  beforeEach(async () => {
    rig = await RealRig.open(program, kind);
  });
  afterEach(() => rig[Symbol.asyncDispose]());

  it('says who it is', () => {
    expect(rig.channel.peer).toMatchObject({ version: 1, takenOver: false, procReadable: true });
    expect(rig.channel.known).toEqual([]);
  });

  it('runs a command and tells its exit code and both of its outputs', async () => {
    const { run, kept } = await rig.run('echo out; echo err >&2; exit 3');
    expect(await run.exited).toMatchObject({ how: 'exited', status: 3, cause: 'itself', strays: 0 });
    expect([kept.text('stdout'), kept.text('stderr')]).toEqual(['out\n', 'err\n']);
  });

  it('gives it the environment, working directory and mask that were asked for, and what the session has', async () => {
    const { run, kept } = await rig.run('pwd; umask; /usr/bin/env | grep -v _=', {
      cwd: '/usr',
      env: { PATH: '/usr/bin:/bin', GREETING: 'hällo = world' },
      umask: 0o077,
    });
    await run.exited;
    const lines = kept.text('stdout').trim().split('\n');
    expect(lines.slice(0, 2)).toEqual(['/usr', '0077']);
    expect(
      lines
        .slice(2)
        .filter((line) => !line.startsWith('PWD='))
        .sort(),
    ).toEqual(['GREETING=hällo = world', 'OF_SESSION=kept', 'PATH=/usr/bin:/bin']);
  });

  it.each([
    ['a missing program', { argv: ['/no/such/program'] }, 'exec', 2],
    ['a missing working directory', { cwd: '/no/such/folder' }, 'cwd', 2],
  ])('says why %s can not start, and starts the next', async (_, fields, stage, errno) => {
    await expect(rig.channel.start(shell('true', fields), new Kept())).rejects.toMatchObject({ stage, errno });
    const { run } = await rig.run('true');
    expect(await run.exited).toMatchObject({ status: 0 });
  });

  it('carries 5 MB of binary input to it and back', async () => {
    const input = randomBytes(5_000_000);
    const hash = createHash('sha256');
    let offset = 0;
    const run = await rig.channel.start(shell('cat', { stdin: true }), {
      onOutput: (_stream, chunk, at) => {
        expect(at).toBe(offset);
        offset += chunk.length;
        hash.update(chunk);
      },
    });
    await run.write(input);
    run.endInput();
    expect(await run.exited).toMatchObject({ status: 0 });
    expect(hash.digest('hex')).toBe(createHash('sha256').update(input).digest('hex'));
  });

  it('does not mind input that nobody reads', async () => {
    const { run } = await rig.run('exec <&-; sleep 0.1; exit 4', { stdin: true });
    await run.write(Buffer.alloc(1_000_000));
    expect(await run.exited).toMatchObject({ status: 4 });
  });

  it('holds a command back whose sink is slow, and none of the others', async () => {
    let release!: () => void;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let bytes = 0;
    const slow = await rig.channel.start(shell('head -c 8000000 /dev/zero'), {
      onOutput: async (_stream, chunk) => {
        await released;
        bytes += chunk.length;
      },
    });
    const { run, kept } = await rig.run('head -c 3000000 /dev/zero | tr "\\0" x');
    expect(await run.exited).toMatchObject({ status: 0 });
    expect(kept.text('stdout')).toHaveLength(3_000_000);
    release();
    expect(await slow.exited).toMatchObject({ status: 0 });
    expect(bytes).toBe(8_000_000);
  });

  it('keeps the newest output of a command with a ring while its sink is slow', async () => {
    let release!: () => void;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const chunks: { offset: number; end: number; last: number | undefined }[] = [];
    const run = await rig.channel.start(shell('head -c 8000000 /dev/zero; printf end', { ringBytes: 65_536 }), {
      onOutput: async (_stream, chunk, offset) => {
        await released;
        chunks.push({ offset, end: offset + chunk.length, last: chunk.at(-1) });
      },
    });
    const { run: other } = await rig.run('sleep 0.2');
    await other.exited;
    release();
    expect(await run.exited).toMatchObject({ status: 0 });
    expect(chunks.at(-1)).toMatchObject({ end: 8_000_003, last: 'd'.charCodeAt(0) });
    expect(chunks.reduce((sum, { offset, end }) => sum + end - offset, 0)).toBeLessThan(8_000_003);
  });

  it('tells a signal from an exit, and sends one to the first process or to the whole tree', async () => {
    const one = await rig.run('kill -9 $$');
    expect(await one.run.exited).toMatchObject({ how: 'signal', signal: 9, cause: 'itself' });
    const trapped = await rig.run('trap "echo heard; exit 5" TERM; echo ready; while :; do sleep 0.05; done');
    await ready(trapped.kept);
    trapped.run.signal(15, 'leader');
    expect(await trapped.run.exited).toMatchObject({ how: 'exited', status: 5 });
    const tree = await rig.run('(sleep 100)& (sleep 100)& echo ready; wait; wait; exit 6');
    await ready(tree.kept);
    tree.run.signal(9, 'tree');
    expect(await tree.run.exited).toMatchObject({ how: 'signal', signal: 9 });
  });

  it('ends a command at its timeout, with all that it left behind', async () => {
    const { run } = await rig.run('setsid sleep 100 & sleep 100', { timeoutMs: 200, graceMs: 100 });
    expect(await run.exited).toMatchObject({ cause: 'timeout' });
  });

  it('ends a command when it is asked to', async () => {
    const { run, kept } = await rig.run('trap "" TERM; echo ready; while :; do sleep 0.05; done');
    await ready(kept);
    run.end(50);
    expect(await run.exited).toMatchObject({ how: 'signal', signal: 9, cause: 'ended' });
  });

  it('gives a terminal of the size that was asked for, and another size later', async () => {
    const kept = new Kept();
    const script = 'stty size; trap "stty size; exit 0" WINCH; echo ready; while :; do sleep 0.05; done';
    const run = await rig.channel.start(shell(script, { stdin: true, tty: { rows: 24, columns: 80 } }), kept);
    await ready(kept);
    run.resize(50, 132);
    expect(await run.exited).toMatchObject({ status: 0 });
    expect(kept.text('stdout')).toBe('24 80\r\nready\r\n50 132\r\n');
  });

  it('ends the input of a terminal', async () => {
    const { run, kept } = await rig.run('cat', { stdin: true, tty: { rows: 24, columns: 80 } });
    await run.write(Buffer.from('typed\n'));
    run.endInput();
    expect(await run.exited).toMatchObject({ status: 0 });
    expect(kept.text('stdout')).toBe('typed\r\ntyped\r\n');
  });

  it('runs 50 at once', async () => {
    const all = Array.from({ length: 50 }, async (_, i) => {
      const { run, kept } = await rig.run(`head -c ${i * 1000} /dev/zero; echo ${i} >&2; exit ${i}`);
      const { status } = await run.exited;
      return [status, kept.text('stdout').length, kept.text('stderr')];
    });
    expect(await Promise.all(all)).toEqual(Array.from({ length: 50 }, (_, i) => [i, i * 1000, `${i}\n`]));
  });

  it('runs 150 one after the other, each id once', async () => {
    const ids = new Set<number>();
    for (let i = 0; i < 150; i += 1) {
      const run = await rig.channel.start(shell('', { argv: ['true'] }), new Kept());
      ids.add(run.id);
      expect(await run.exited).toMatchObject({ status: 0 });
    }
    expect(ids.size).toBe(150);
  });

  it('listens inside and carries connections both ways', async () => {
    using listener = await rig.channel.listen(0, (connection) => {
      void pipeline(connection, connection).catch(() => undefined);
    });
    const sent = randomBytes(1_000_000);
    const calls = Array.from({ length: 4 }, async () => {
      const socket = connect({ host: '127.0.0.1', port: listener.port, allowHalfOpen: true });
      const received: Buffer[] = [];
      socket.on('data', (chunk) => received.push(chunk));
      socket.end(sent);
      await new Promise((resolve, reject) => socket.once('close', resolve).once('error', reject));
      return Buffer.concat(received).equals(sent);
    });
    expect(await Promise.all(calls)).toEqual([true, true, true, true]);
  });

  it('tells each side of a connection when the other resets it', async () => {
    const closed: Promise<unknown>[] = [];
    using listener = await rig.channel.listen(0, (connection) => {
      closed.push(new Promise((resolve) => connection.once('close', resolve)));
      if (closed.length === 1) connection.destroy();
      else connection.resume();
    });
    const first = connect(listener.port, '127.0.0.1');
    first.on('error', () => undefined);
    await new Promise((resolve) => first.once('close', resolve));
    const second = connect(listener.port, '127.0.0.1');
    await new Promise((resolve) => second.once('connect', resolve));
    second.resetAndDestroy();
    for (let i = 0; closed.length < 2 && i < 500; i += 1) await rig.channel.ping();
    await Promise.all(closed);
    expect(closed).toHaveLength(2);
  });

  it('listens on the port that was asked for, not on one that is taken, and not after it is closed', async () => {
    const listener = await rig.channel.listen(0, (connection) => connection.end('hello'));
    await expect(rig.channel.listen(listener.port, () => undefined)).rejects.toMatchObject({
      code: 'CHANNEL_UNAVAILABLE',
    });
    expect(await text(connect(listener.port, '127.0.0.1'))).toBe('hello');
    listener.close();
    await rig.channel.ping();
    const refused = connect(listener.port, '127.0.0.1');
    const error = await new Promise((resolve) => refused.once('error', resolve));
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('ends at the deadline that it was told last', async () => {
    await rig.channel.setDeadline((await boottimeMs()) + 3_600_000);
    const { run } = await rig.run('sleep 100');
    const sooner = (await boottimeMs()) + 300;
    await rig.channel.setDeadline(sooner);
    expect(await rig.channel.ended).toMatchObject({ why: 'deadline' });
    await expect(run.exited).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    expect(await rig.ended).toEqual({ code: 124, signal: null });
    expect(await boottimeMs()).toBeGreaterThanOrEqual(sooner);
  });

  it('stops when it is told to, with all that runs', async () => {
    const { run } = await rig.run('sleep 100');
    await rig.channel.shutdown();
    expect(await rig.channel.ended).toMatchObject({ why: 'stopped' });
    await expect(run.exited).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    expect(await rig.ended).toEqual({ code: 0, signal: null });
  });

  it('ends when its holder goes', async () => {
    await rig.channel[Symbol.asyncDispose]();
    expect(await rig.ended).toEqual({ code: 75, signal: null });
  });

  it('is missed when it is killed', async () => {
    const { run } = await rig.run('sleep 0.2');
    rig.kill('SIGKILL');
    expect(await rig.channel.ended).toMatchObject({ why: 'killed' });
    await expect(run.exited).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    await expect(rig.channel.ping()).rejects.toMatchObject({ code: 'SESSION_ENDED' });
  });
});

describe('a detached process 1', () => {
  it('is taken over by another holder, with its commands and their output', async () => {
    await using init = await startInit(program, 'FIFOs', ['--detached']);
    const first = await openChannel(init.link, { clock: systemClock });
    const script = 'read a; echo one; read b; echo "got $b" >&2; exit 7';
    const waiting = await first.start(shell(script, { stdin: true }), new Kept());
    const done = await first.start(shell('echo done; exit 1'), { onOutput: () => new Promise(() => undefined) });
    await waiting.write(Buffer.from('go on\n'));
    await first[Symbol.asyncDispose]();
    await expect(waiting.exited).rejects.toMatchObject({ code: 'SESSION_ENDED' });

    await using second = await takeOverChannel(init.fifos.host, { clock: systemClock });
    expect(second.peer).toMatchObject({ takenOver: true });
    expect(second.known.map(({ id }) => id)).toEqual([waiting.id, done.id]);
    const kept = new Kept();
    const again = second.attach(waiting.id, kept);
    expect(again.pid).toBe(waiting.pid);
    expect(Math.abs(again.startedAtMs - waiting.startedAtMs)).toBeLessThan(1000);
    await again.write(Buffer.from('more\n'));
    expect(await again.exited).toMatchObject({ how: 'exited', status: 7 });
    expect([kept.text('stdout'), kept.text('stderr')]).toEqual(['one\n', 'got more\n']);
    const doneKept = new Kept();
    expect(await second.attach(done.id, doneKept).exited).toMatchObject({ status: 1 });
    expect(doneKept.text('stdout')).toBe('done\n');
    const next = await second.start(shell('true'), new Kept());
    expect(next.id).toBeGreaterThan(done.id);
    await next.exited;
    await second.shutdown();
    expect(await init.ended).toEqual({ code: 0, signal: null });
  });

  it('is taken over again and again while it puts out much', async () => {
    await using init = await startInit(program, 'FIFOs', ['--detached']);
    const first = await openChannel(init.link, { clock: systemClock });
    const { id } = await first.start(shell('yes'), new Kept());
    await first[Symbol.asyncDispose]();
    for (let i = 0; i < 10; i += 1) {
      await using next = await takeOverChannel(init.fifos.host, { clock: systemClock });
      const kept = new Kept();
      const run = next.attach(id, kept);
      for (let pings = 0; pings < 20; pings += 1) await next.ping();
      expect(kept.text('stdout').replaceAll('y\n', '')).toMatch(/^\n?y?$/);
      expect(run.id).toBe(id);
    }
  });
});

async function ready(kept: Kept): Promise<void> {
  while (!kept.text('stdout').includes('ready')) await systemClock.sleep(5);
}
