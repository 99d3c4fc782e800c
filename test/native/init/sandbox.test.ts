import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { channelSize } from '../../../src/channel/protocol.js';
import { Command, sh } from './support/command.js';
import { builtInit, builtSupport } from './support/compiled.js';
import { NamespacedInit, namespacesWork } from './support/namespace.js';
import { frame, from, hello, type Peer, to, u32 } from './support/peer.js';

const init = builtInit();
const forge = builtSupport(fileURLToPath(new URL('support/forge.c', import.meta.url)));
const flags = { takenOver: 1, procReadable: 2 };
const nonces = [1, 2, 3].map((n) => Buffer.alloc(16, n));
const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = nonces;

async function greeting(peer: Peer) {
  const { payload } = await peer.frame(from.HELLO);
  return { flags: payload.readUInt16LE(10), commands: payload.readUInt32LE(28) };
}

async function state(peer: Peer, id: number) {
  const { payload } = await peer.frame(from.STATE, id);
  return { phase: payload.readUInt32LE(0), pid: payload.readUInt32LE(4), offset: Number(payload.readBigUInt64LE(16)) };
}

describe('the pipes of a channel', () => {
  it('are made for their owner only, and not twice', () => {
    const folder = mkdtempSync(join(tmpdir(), 'paddock-fifo-'));
    expect(spawnSync(init, ['--mkfifo', folder]).status).toBe(0);
    const modes = ['in', 'out'].map((name) => statSync(join(folder, name)));
    expect(modes.map((each) => [each.isFIFO(), each.mode & 0o777])).toEqual([
      [true, 0o600],
      [true, 0o600],
    ]);
    expect(spawnSync(init, ['--mkfifo', folder])).toMatchObject({ status: 71 });
    rmSync(folder, { recursive: true });
  });
});

describe.skipIf(!namespacesWork).concurrent('paddock-init as process 1', () => {
  it('runs commands over its pipes, and lets them see neither these nor its memory or its supervisors’', async () => {
    using sandbox = new NamespacedInit(init);
    const peer = await sandbox.greeted();
    expect(await greeting(peer)).toEqual({ flags: flags.procReadable, commands: 0 });
    const look = (pid: string) =>
      `for file in /proc/${pid}/fd/* /proc/${pid}/mem /proc/${pid}/environ; do
        if true < $file; then echo opened $file; fi
      done; `;
    const command = new Command(peer, 1, sh(`${look('1')} ${look('$PPID')} cat /proc/1/comm`));
    await command.exited();
    expect(command.text()).toBe('init\n');
    // Two files of each, and each has descriptors.
    expect(command.text(2).match(/Permission denied/g)?.length).toBeGreaterThan(6);
  });

  it('is less likely a victim of the kernel out of memory than its commands, whatever these do about it', async () => {
    using sandbox = new NamespacedInit(init);
    const lower = 'cd /proc/$$; for n in 150 100 50 0; do echo $n > oom_score_adj; done; cat oom_score_adj';
    const script = `cat /proc/1/oom_score_adj; cat /proc/self/oom_score_adj; ${lower}`;
    const command = new Command(await sandbox.greeted(), 1, sh(script));
    await command.exited();
    const [ours = NaN, before = NaN, lowered = NaN] = command.text().split('\n').map(Number);
    expect(before).toBeGreaterThanOrEqual(200);
    expect(ours).toBeLessThan(before);
    expect(lowered).toBeGreaterThanOrEqual(ours);
  });

  it('ends the sandbox when a command takes away what process 1 needs to find its processes', async () => {
    using sandbox = new NamespacedInit(init);
    const peer = await sandbox.greeted();
    // Without memory for a search nothing is found, which must not pass for "nothing is left".
    const script = '(setsid sleep 60 &); prlimit --pid 1 --as=4096:4096 && kill -9 $PPID; sleep 60';
    const command = new Command(peer, 1, sh(script));
    expect((await peer.frame(from.BYE)).payload.readUInt32LE(0)).toBe(3);
    expect(await sandbox.ended).toBe(77);
    expect(peer.frames.filter(({ type }) => type === from.EXITED)).toEqual([]);
    expect(command.id).toBe(1);
  });

  it('obeys what a holder said before it died, and greets the next one', async () => {
    using sandbox = new NamespacedInit(init, { detached: true });
    let peer = await sandbox.greeted(first);
    new Command(peer, 1, ['yes']);
    for (const nonce of nonces.slice(1)) {
      await peer.frame(from.OUTPUT, 1);
      // More than process 1 reads at once, to a command that goes on putting out: its end is told by `out` first.
      peer.raw(Buffer.concat(Array.from({ length: 20_000 }, () => frame(to.SIGNAL, 1, Buffer.of(18, 0)))));
      await sleep(5);
      peer.close();
      peer = sandbox.connect(nonce);
      peer.raw(hello(nonce));
      expect(await greeting(peer)).toMatchObject({ commands: 1 });
      peer.raw(frame(to.CREDIT, 1, u32(65_536), 1));
    }
  });

  it('ends with its holder', async () => {
    using sandbox = new NamespacedInit(init);
    const peer = await sandbox.greeted();
    await new Command(peer, 1, sh('echo ready; sleep 60')).shows(/ready/);
    peer.close();
    expect(await sandbox.ended).toBe(75);
  });

  it('survives commands that kill everything they can', async () => {
    using sandbox = new NamespacedInit(init);
    const peer = await sandbox.greeted();
    const others = [1, 2, 3].map((id) => new Command(peer, id, sh('(setsid sleep 60 &) ; echo ready; sleep 60')));
    await Promise.all(others.map((each) => each.shows(/ready/)));
    const killer = new Command(peer, 4, sh('kill -9 -1'));
    const exits = await Promise.all([...others, killer].map((each) => each.exited()));
    expect(exits.map(({ how, cause }) => ({ how, cause }))).toEqual(exits.map(() => ({ how: 2, cause: 3 })));
    const look = new Command(peer, 5, sh('echo /proc/[0-9]*'));
    await look.exited();
    // Process 1, this command and its supervisor.
    expect(look.text().trim().split(' ')).toHaveLength(3);
  });

  it.each(['queue', 'owner'])('is not stopped from within by a signal of a made up sender (%s)', async (how) => {
    using sandbox = new NamespacedInit(init);
    const peer = await sandbox.greeted();
    const forging = new Command(peer, 1, sh(`cat > /tmp/forge; chmod +x /tmp/forge; /tmp/forge ${how}`), {
      input: true,
    });
    await forging.write(readFileSync(forge));
    forging.endInput();
    expect(await forging.exited()).toMatchObject({ how: 0, status: 0 });
    expect(await new Command(peer, 2, ['true']).exited()).toMatchObject({ how: 0, status: 0 });
    sandbox.signal('SIGTERM');
    expect((await peer.frame(from.BYE)).payload.readUInt32LE(0)).toBe(0);
    expect(await sandbox.ended).toBe(0);
  });

  it('ends forks without end that have killed their supervisor', async () => {
    using sandbox = new NamespacedInit(init);
    const peer = await sandbox.greeted();
    const bomb =
      'kill -9 $PPID; f() { (trap "" TERM; setsid sleep 0.1 & f2 &) ; }; f2() { while :; do (sleep 0.2 &); done; }; f';
    const limits = [{ resource: 6, soft: 400n, hard: 400n }];
    const command = new Command(peer, 1, ['bash', '-c', bomb], { limits });
    expect(await command.exited()).toMatchObject({ how: 2, cause: 3 });
    const look = new Command(peer, 2, sh('echo /proc/[0-9]*'));
    await look.exited();
    expect(look.text().trim().split(' ')).toHaveLength(3);
  });

  it('lets the others go on after it had to stop everything', async () => {
    using sandbox = new NamespacedInit(init);
    const peer = await sandbox.greeted();
    const other = new Command(peer, 1, sh('echo begun; while [ ! -e /tmp/over ]; do sleep 0.01; done; echo whole'));
    await other.shows(/begun/);
    const stopped = new Command(peer, 2, sh('read line; kill -STOP $PPID; echo stopped; sleep 60'), { input: true });
    // Not before it is reported as started: that is what its supervisor does.
    await stopped.started();
    await stopped.write(Buffer.from('\n'));
    await stopped.shows(/stopped/);
    stopped.end(0);
    expect(await stopped.exited()).toMatchObject({ how: 1, status: 9, cause: 2 });
    await new Command(peer, 3, sh('touch /tmp/over')).exited();
    expect(await other.exited()).toMatchObject({ how: 0, status: 0 });
    expect(other.text()).toBe('begun\nwhole\n');
  });

  it('goes on without a holder, at rest, and gives the next one what is still there', async () => {
    using sandbox = new NamespacedInit(init, { detached: true });
    const old = await sandbox.greeted(first);
    const script = 'echo one; while [ ! -e /tmp/go ]; do sleep 0.01; done; seq 1 100000; echo last; exit 3';
    const before = new Command(old, 1, sh(script), { credit: 1000 });
    await before.shows(/one/);
    await new Command(old, 2, ['true']).exited();
    await new Command(old, 3, ['no-such-program']).failed();
    // Half a frame from the old holder, and what it did not read.
    old.raw(frame(to.START, 9, Buffer.alloc(1000)).subarray(0, 500));
    old.close();
    await sleep(300);
    const ticks = sandbox.ticks();
    await sleep(400);
    expect(sandbox.ticks() - ticks).toBeLessThan(5);
    const peer = await sandbox.greeted(second);
    expect(await greeting(peer)).toEqual({ flags: flags.takenOver + flags.procReadable, commands: 3 });
    expect(await state(peer, 1)).toMatchObject({ phase: 0, offset: 0 });
    expect(await state(peer, 2)).toMatchObject({ phase: 1 });
    await peer.frame(from.EXITED, 2);
    await peer.frame(from.FAILED, 3);
    for (const id of [2, 3]) peer.send(to.FORGET, id);
    await new Command(peer, 4, sh('touch /tmp/go')).exited();
    // Kept as a ring from the holder's going on: the command never waits again.
    await sleep(200);
    peer.send(to.CREDIT, 1, u32(1_000_000), 1);
    const exited = await peer.frame(from.EXITED, 1);
    expect(exited.payload.readUInt32LE(4)).toBe(3);
    const [output] = peer.of(from.OUTPUT, 1);
    expect(Number(output?.payload.readBigUInt64LE(0))).toBeGreaterThan(400_000);
    expect(peer.of(from.OUTPUT, 1).at(-1)?.payload.subarray(8).toString()).toMatch(/99999\n100000\nlast\n$/);
    peer.send(to.SHUTDOWN);
    expect(await sandbox.ended).toBe(0);
  });

  it('keeps timeouts without a holder', async () => {
    using sandbox = new NamespacedInit(init, { detached: true });
    const old = await sandbox.greeted(first);
    await new Command(old, 1, sh('echo ready; sleep 60'), { timeoutMs: 100 }).shows(/ready/);
    old.close();
    await sleep(300);
    const peer = await sandbox.greeted(second);
    expect(await state(peer, 1)).toMatchObject({ phase: 1 });
    peer.send(to.CREDIT, 1, u32(100), 1);
    const { payload } = await peer.frame(from.EXITED, 1);
    expect([payload.readUInt32LE(0), payload.readUInt32LE(4), payload.readUInt32LE(8)]).toEqual([1, 9, 1]);
  });

  it('notices a new holder that came before the old one was gone', async () => {
    using sandbox = new NamespacedInit(init, { detached: true });
    const old = await sandbox.greeted(first);
    const command = new Command(old, 1, sh('echo ready; read line; echo got $line'), { input: true });
    await command.shows(/ready/);
    const peer = sandbox.connect(second);
    old.close();
    peer.raw(hello(second));
    expect(await greeting(peer)).toMatchObject({ flags: flags.takenOver + flags.procReadable, commands: 1 });
    // The window of its input is told anew as well.
    expect((await peer.frame(from.CREDIT, 1)).payload.readUInt32LE(0)).toBe(channelSize.INPUT_WINDOW);
    peer.send(to.INPUT, 1, Buffer.from('more\n'));
    peer.send(to.CREDIT, 1, u32(100), 1);
    await peer.frame(from.EXITED, 1);
    expect(
      peer
        .of(from.OUTPUT, 1)
        .map(({ payload }) => payload.subarray(8).toString())
        .join(''),
    ).toBe('ready\ngot more\n');
  });

  it('says when it can not read /proc, still ends what is in a command’s group, and else ends itself', async () => {
    using sandbox = new NamespacedInit(init, { proc: false });
    const peer = await sandbox.greeted();
    expect(await greeting(peer)).toMatchObject({ flags: 0 });
    expect(await new Command(peer, 1, sh('sleep 60 & exit 3')).exited()).toMatchObject({ how: 0, status: 3 });
    const lost = new Command(peer, 2, sh('kill -9 $PPID; sleep 60'));
    await lost.started();
    const { payload } = await peer.frame(from.BYE);
    expect(payload.readUInt32LE(0)).toBe(3);
    expect(await sandbox.ended).toBe(77);
  });
});
