import { describe, expect, it } from 'vitest';
import { Command, sh } from './support/command.js';
import { boottimeMs, builtInit } from './support/compiled.js';
import { frame, from, hello, NativeInit, to, u16, u32, u64 } from './support/peer.js';

const init = builtInit();
const bye = { stopped: 0, deadline: 1, violation: 2 };
const [COMMAND, CONNECTION] = [1, 2 ** 31];

describe('the holder of a channel', () => {
  it('is greeted with its nonce, what process 1 can do, and its version', async () => {
    using native = new NativeInit(init);
    const nonce = Buffer.from('0123456789abcdef');
    native.peer.raw(hello(nonce, [1, 9]));
    const { payload } = await native.peer.frame(from.HELLO);
    expect(payload.subarray(0, 8).toString()).toBe('PADDOCK\n');
    expect([payload.readUInt16LE(8), payload.readUInt16LE(10), payload.readUInt32LE(28)]).toEqual([1, 2, 0]);
    expect(payload.subarray(12, 28)).toEqual(nonce);
    expect(payload.subarray(32).toString()).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('may send its frames in pieces of any size', async () => {
    using native = new NativeInit(init);
    const bytes = Buffer.concat([hello(), frame(to.PING, 0, Buffer.from('ping')), frame(to.SHUTDOWN)]);
    for (const byte of bytes) {
      native.peer.raw(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await native.ended).toBe(0);
    expect(native.peer.frames.map((each) => each.type)).toEqual([from.HELLO, from.PONG, from.BYE]);
  });

  it('may start a command with two megabytes of arguments', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const words = Array.from({ length: 1_300_000 }, () => '');
    const command = new Command(peer, 1, ['sh', '-c', 'echo $#', 'sh', ...words], { env: ['PATH=/bin'] });
    const [outcome] = await Promise.all([peer.until(() => peer.frames[1])]);
    // As many as the kernel lets a program have under this machine's stack limit, or its E2BIG.
    if (outcome.type === from.FAILED) expect(await command.failed()).toEqual({ stage: 8, errno: 7 });
    else {
      await command.exited();
      expect(command.text()).toBe('1300000\n');
    }
    expect(await new Command(peer, 2, ['true']).exited()).toMatchObject({ status: 0 });
  });

  it('ends an attached sandbox by going away, and all that runs in it', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const command = new Command(peer, 1, sh('setsid sleep 60 & echo $!; sleep 60'));
    const [pid = ''] = await command.shows(/\d+/);
    peer.close();
    expect(await native.ended).toBe(75);
    // Outside a pid namespace it is the supervisor that sees to it.
    await expect.poll(() => isAlive(Number(pid))).toBe(false);
  });

  it('is told of the deadline', async () => {
    using native = new NativeInit(init, [], boottimeMs() + 300);
    const peer = await native.greeted();
    const { payload } = await peer.frame(from.BYE);
    expect(payload.readUInt32LE(0)).toBe(bye.deadline);
    expect(await native.ended).toBe(124);
  });

  it('may put the deadline off, and is told that it is', async () => {
    using native = new NativeInit(init, [], boottimeMs() + 400);
    const peer = await native.greeted();
    const later = boottimeMs() + 3_600_000;
    peer.raw(frame(to.DEADLINE, 0, u64(later)));
    expect((await peer.frame(from.DEADLINE)).payload).toEqual(u64(later));
    expect(await new Command(peer, 1, ['sleep', '0.6']).exited()).toMatchObject({ how: 0, status: 0 });
    expect(peer.of(from.BYE)).toEqual([]);
  });

  it('may bring the deadline forward, while a command runs', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const command = new Command(peer, 1, sh('echo ready; sleep 60'));
    await command.shows(/ready/);
    const sooner = boottimeMs() + 300;
    peer.raw(frame(to.DEADLINE, 0, u64(sooner)));
    expect((await peer.frame(from.BYE)).payload.readUInt32LE(0)).toBe(bye.deadline);
    expect(await native.ended).toBe(124);
    expect(boottimeMs()).toBeGreaterThanOrEqual(sooner);
  });

  it('ends the sandbox at once by a deadline that has passed', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    peer.raw(frame(to.DEADLINE, 0, u64(1)));
    expect((await peer.frame(from.BYE)).payload.readUInt32LE(0)).toBe(bye.deadline);
    expect(await native.ended).toBe(124);
  });

  it('has every deadline answered, in order, with what waits behind it', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const all = Array.from({ length: 50 }, (_, i) => boottimeMs() + 3_600_000 + i);
    const asked = all.map((ms) => Buffer.concat([frame(to.DEADLINE, 0, u64(ms)), frame(to.PING, 0, u64(ms))]));
    peer.raw(Buffer.concat(asked));
    await peer.until(() => peer.of(from.PONG)[49]);
    await peer.until(() => peer.of(from.DEADLINE)[49]);
    expect(peer.of(from.DEADLINE).map((each) => each.payload)).toEqual(all.map((ms) => u64(ms)));
  });

  const start = (fields: Buffer, strings: string) => frame(to.START, 1, Buffer.concat([fields, Buffer.from(strings)]));
  const plain = Buffer.concat([u32(0, 0, 0, 0, 0), u16(0, 0o22, 0, 0), u32(0, 1, 0)]);
  const changed = (at: number, value: number) => {
    const fields = Buffer.from(plain);
    fields.writeUInt32LE(value, at);
    return fields;
  };
  const withInput = changed(32, 2);
  withInput.writeUInt16LE(2, 20);
  it.each([
    { rule: 'a type that there is', bytes: frame(0x13) },
    { rule: 'zero where there is to be zero', bytes: Buffer.from('000000000a000100', 'hex') },
    { rule: 'a length within the limits', bytes: frame(to.PING, 0, Buffer.alloc(65)) },
    { rule: 'a length that suits the type', bytes: frame(to.SHUTDOWN, 0, Buffer.alloc(1)) },
    { rule: 'an id of the right kind', bytes: frame(to.INPUT_END, 0) },
    { rule: 'a deadline of whole milliseconds above zero', bytes: frame(to.DEADLINE, 0, Buffer.alloc(8)) },
    { rule: 'a deadline below 2^53', bytes: frame(to.DEADLINE, 0, u64(2 ** 53)) },
    { rule: 'a deadline of eight bytes', bytes: frame(to.DEADLINE, 0, Buffer.alloc(7, 1)) },
    { rule: 'no stream where there is none', bytes: frame(to.PING, 0, Buffer.alloc(0), 1) },
    { rule: 'a stream that there is', bytes: frame(to.CREDIT, COMMAND, u32(1), 3) },
    { rule: 'one greeting', bytes: hello() },
    { rule: 'ids that are known', bytes: frame(to.INPUT_END, COMMAND) },
    { rule: 'connections that there were', bytes: frame(to.CONNECTION_END, CONNECTION) },
    { rule: 'a signal that there is', bytes: frame(to.SIGNAL, COMMAND, Buffer.from([65, 0])) },
    { rule: 'a START whose strings end', bytes: start(plain, '/\0\0true') },
    { rule: 'a START without a remainder', bytes: start(plain, '/\0\0true\0more\0') },
    { rule: 'a START with an absolute folder', bytes: start(plain, 'tmp\0\0true\0') },
    { rule: 'a START with a program', bytes: start(changed(32, 0), '/\0\0') },
    { rule: 'a START with a ring that is not too large', bytes: start(changed(8, 1_048_577), '/\0\0true\0') },
    { rule: 'a START with variables that have names', bytes: start(changed(36, 1), '/\0\0true\0=\0') },
    { rule: 'a START with an AppArmor line', bytes: start(plain, '/\0unconfined\0true\0') },
    {
      rule: 'credit that is not too much',
      bytes: Buffer.concat([start(plain, '/\0\0true\0'), frame(to.CREDIT, 1, u32(16_777_217), 1)]),
    },
    {
      rule: 'input within the window',
      bytes: Buffer.concat([start(plain, '/\0\0true\0'), frame(to.INPUT, 1, Buffer.alloc(1))]),
    },
    {
      rule: 'a window, when nobody reads what is put in',
      bytes: Buffer.concat([
        start(withInput, '/\0\0/bin/sleep\x0060\0'),
        ...Array.from({ length: 5 }, () => frame(to.INPUT, 1, Buffer.alloc(65_536))),
      ]),
    },
    { rule: 'an id once', bytes: Buffer.concat([start(plain, '/\0\0true\0'), start(plain, '/\0\0true\0')]) },
    { rule: 'to forget only what is over', bytes: Buffer.concat([start(plain, '/\0\0sleep\0'), frame(to.FORGET, 1)]) },
  ])('has to keep to $rule', async ({ bytes }) => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    peer.raw(Buffer.concat([bytes, Buffer.alloc(12)]));
    const { payload } = await peer.frame(from.BYE);
    expect(payload.readUInt32LE(0)).toBe(bye.violation);
    expect(await native.ended).toBe(76);
  });

  it.each([
    { what: 'another magic', first: frame(to.HELLO, 0, Buffer.alloc(28, 'x')) },
    { what: 'versions that are not known', first: hello(Buffer.alloc(16), [2, 3]) },
    { what: 'another frame', first: frame(to.PING) },
  ])('has to greet first: $what is a violation', async ({ first }) => {
    using native = new NativeInit(init);
    native.peer.raw(first);
    expect((await native.peer.frame(from.BYE)).payload.readUInt32LE(0)).toBe(bye.violation);
    expect(await native.ended).toBe(76);
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
