import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { Command, sh } from './support/command.js';
import { builtInit } from './support/compiled.js';
import { NamespacedInit, namespacesWork } from './support/namespace.js';
import { frame, from, hello, NativeInit, type Peer, to, u32 } from './support/peer.js';

const init = builtInit();
const bye = { violation: 2 };
const fork = { stage: 3, errno: constants.errno.ECHILD };
const table = { stage: 1, errno: constants.errno.EAGAIN };
const first = Buffer.alloc(16, 1);

async function prepare(peer: Peer, id: number): Promise<number> {
  peer.send(to.PREPARE, id);
  return (await peer.frame(from.PREPARED, id)).payload.readUInt32LE(0);
}

async function failed(peer: Peer, id: number): Promise<{ readonly stage: number; readonly errno: number }> {
  const { payload } = await peer.frame(from.FAILED, id);
  return { stage: payload.readUInt32LE(0), errno: payload.readUInt32LE(4) };
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('a command that was prepared', () => {
  it('runs in the process that waited for it, and reports as any other', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const pid = await prepare(peer, 1);
    expect(isAlive(pid)).toBe(true);
    const command = new Command(peer, 1, sh('echo $$; echo no >&2; exit 3'));
    expect(await command.exited()).toMatchObject({ how: 0, status: 3, cause: 0, strays: 0 });
    expect(await command.started()).toBe(pid);
    expect([command.text(1), command.text(2)]).toEqual([`${pid}\n`, 'no\n']);
    expect(peer.frames.map((each) => each.type).slice(0, 3)).toEqual([from.HELLO, from.PREPARED, from.STARTED]);
  });

  it('has its folder, environment, umask, limits and input, no signal ignored, and only its three streams open', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    await prepare(peer, 1);
    const script = 'pwd; umask; ulimit -n; echo $A; cat; grep -E "^Sig(Blk|Ign)" /proc/self/status; ls /proc/self/fd';
    const command = new Command(peer, 1, sh(script), {
      cwd: '/usr/bin',
      umask: 0o027,
      input: true,
      env: ['PATH=/usr/bin:/bin', 'A=b'],
      limits: [{ resource: 7, soft: 60n, hard: 70n }],
    });
    await command.write(Buffer.from('input\n'));
    command.endInput();
    expect(await command.exited()).toMatchObject({ status: 0 });
    const signals = 'SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n';
    expect(command.text()).toBe(`/usr/bin\n0027\n60\nb\ninput\n${signals}0\n1\n2\n3\n`);
  });

  it('gets its terminal', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    await prepare(peer, 1);
    const command = new Command(peer, 1, sh('test -t 0 && test -t 2 && stty size; sleep 0.1; echo end'), {
      terminal: true,
      rows: 30,
      columns: 90,
    });
    expect(await command.exited()).toMatchObject({ how: 0, status: 0 });
    expect(command.text()).toBe('30 90\r\nend\r\n');
  });

  it.skipIf(!namespacesWork)('runs without a terminal where none can be made, and says why not with one', async () => {
    const script = 'mount --bind /dev/null /dev/ptmx && exec "$@"';
    const without = ['--user', '--map-root-user', '--mount', 'sh', '-c', script, 'sh', init];
    using native = new NativeInit('unshare', [], undefined, without);
    const peer = await native.greeted();
    for (const id of [1, 2]) await prepare(peer, id);
    const terminal = new Command(peer, 1, ['true'], { terminal: true });
    expect(await terminal.failed()).toEqual({ stage: 4, errno: constants.errno.ENOTTY });
    expect(await new Command(peer, 2, ['true']).exited()).toMatchObject({ status: 0 });
  });

  it('takes more than a megabyte of arguments', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    await prepare(peer, 1);
    const words = Array.from({ length: 70_000 }, () => 'fifteen letters');
    const command = new Command(peer, 1, ['sh', '-c', 'echo $#', 'sh', ...words]);
    await command.exited();
    expect(command.text()).toBe('70000\n');
  });

  it('is killed by its timeout, with all that it forked', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    await prepare(peer, 1);
    const command = new Command(peer, 1, sh('setsid sleep 60 & echo $!; sleep 60'), { timeoutMs: 200 });
    const [pid = ''] = await command.shows(/\d+/);
    expect(await command.exited()).toMatchObject({ how: 1, cause: 1 });
    expect(isAlive(Number(pid))).toBe(false);
  });

  it('is one of the 128 that there may be', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    for (let id = 1; id <= 129; id++) peer.send(to.PREPARE, id);
    expect(await failed(peer, 129)).toEqual(table);
    expect(await new Command(peer, 7, ['true']).exited()).toMatchObject({ status: 0 });
  });

  it('has failed when its processes are killed while they wait; a START that crosses with that is dropped', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    process.kill(await prepare(peer, 1), 'SIGKILL');
    const command = new Command(peer, 2, ['true']);
    expect(await failed(peer, 1)).toEqual(fork);
    peer.send(to.START, 1, command.payload);
    peer.send(to.FORGET, 1);
    expect(await command.exited()).toMatchObject({ status: 0 });
    expect(await new Command(peer, 1, ['true']).exited()).toMatchObject({ status: 0 });
    expect(peer.of(from.STARTED, 1)).toHaveLength(1);
  });

  it('runs although somebody stopped its processes while they waited', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const pid = await prepare(peer, 1);
    const supervisor = Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    for (const each of [pid, supervisor]) process.kill(each, 'SIGSTOP');
    expect(await new Command(peer, 1, ['true']).exited()).toMatchObject({ status: 0 });
  });

  it('is gone when it is ended before it was started', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const pid = await prepare(peer, 1);
    peer.send(to.END, 1, u32(60_000));
    expect(await failed(peer, 1)).toEqual(fork);
    expect(isAlive(pid)).toBe(false);
  });

  it('says why its program could not be run', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    await prepare(peer, 1);
    const command = new Command(peer, 1, ['/nowhere/at/all']);
    expect(await command.failed()).toEqual({ stage: 8, errno: constants.errno.ENOENT });
  });

  it.each([
    { what: 'prepared again', bytes: frame(to.PREPARE, 1) },
    { what: 'forgotten', bytes: frame(to.FORGET, 1) },
    { what: 'given input', bytes: frame(to.INPUT, 1, Buffer.from('x')) },
    { what: 'given the end of input', bytes: frame(to.INPUT_END, 1) },
    { what: 'given credit', bytes: frame(to.CREDIT, 1, u32(1), 1) },
    { what: 'sent a signal', bytes: frame(to.SIGNAL, 1, Buffer.from([15, 0])) },
    { what: 'resized', bytes: frame(to.RESIZE, 1, u32(1)) },
  ])('may not be $what before its START', async ({ bytes }) => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    await prepare(peer, 1);
    peer.raw(bytes);
    expect((await peer.frame(from.BYE)).payload.readUInt32LE(0)).toBe(bye.violation);
  });

  it('may be started once', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    await prepare(peer, 1);
    const command = new Command(peer, 1, ['sleep', '60']);
    peer.send(to.START, 1, command.payload);
    expect((await peer.frame(from.BYE)).payload.readUInt32LE(0)).toBe(bye.violation);
  });

  it.skipIf(!namespacesWork)(
    'does not outlive the holder that asked for it, and the next is not told of it',
    async () => {
      using sandbox = new NamespacedInit(init, { detached: true });
      const old = await sandbox.greeted(first);
      const pid = await prepare(old, 1);
      const running = new Command(old, 2, ['sleep', '60']);
      await running.started();
      old.close();
      const second = Buffer.alloc(16, 2);
      const peer = sandbox.connect(second);
      peer.raw(hello(second));
      expect((await peer.frame(from.HELLO)).payload.readUInt32LE(28)).toBe(1);
      await peer.frame(from.STATE, 2);
      const look = new Command(peer, 3, sh(`while kill -0 ${pid} 2>/dev/null; do sleep 0.01; done; echo gone`));
      await look.exited();
      expect(look.text()).toBe('gone\n');
      expect(await prepare(peer, 1)).toBeGreaterThan(1);
    },
  );
});
