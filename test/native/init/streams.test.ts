import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Command, sh } from './support/command.js';
import { builtInit } from './support/compiled.js';
import { from, NativeInit, type Peer, to, u32 } from './support/peer.js';

const init = builtInit();

/** What process 1 has worked off before it answers this. */
async function pinged(peer: Peer): Promise<void> {
  const before = peer.of(from.PONG).length;
  peer.send(to.PING, 0, Buffer.from('?'));
  await peer.until(() => peer.of(from.PONG)[before]);
}

describe('the streams of a command', () => {
  it('carry ten megabytes of any bytes in and out', async () => {
    using native = new NativeInit(init);
    const command = new Command(await native.greeted(), 1, ['cat'], { input: true });
    const bytes = randomBytes(10 * 1_048_576);
    await command.write(bytes);
    command.endInput();
    expect(await command.exited()).toMatchObject({ how: 0, status: 0 });
    expect(command.bytes().equals(bytes)).toBe(true);
  });

  it('stall a command that has no credit, and only that one, without losing a byte', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const stalled = new Command(peer, 1, ['head', '-c', '1000000', '/dev/zero'], { credit: 10 });
    const other = new Command(peer, 2, ['head', '-c', '1000000', '/dev/zero']);
    await other.exited();
    expect(other.bytes()).toHaveLength(1_000_000);
    await peer.until(() => stalled.bytes().length > 0 || undefined);
    await pinged(peer);
    expect(stalled.bytes()).toHaveLength(10);
    expect(peer.of(from.EXITED, 1)).toEqual([]);
    peer.send(to.CREDIT, 1, u32(999_989), 1);
    await peer.until(() => stalled.bytes().length === 999_999 || undefined);
    expect(peer.of(from.EXITED, 1)).toEqual([]);
    peer.send(to.CREDIT, 1, u32(1), 1);
    expect(await stalled.exited()).toMatchObject({ status: 0 });
    expect(stalled.bytes()).toHaveLength(1_000_000);
  });

  it('keep the newest bytes of a ring and count those that were dropped', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const options = { ringBytes: 10_000, credit: 0 };
    const command = new Command(peer, 1, sh('seq -w 1 99999; echo done >&2'), options);
    peer.send(to.CREDIT, 1, u32(100), 2);
    await command.shows(/done/, 2);
    await pinged(peer);
    peer.send(to.CREDIT, 1, u32(1_000_000), 1);
    expect(await command.exited()).toMatchObject({ status: 0 });
    const all = Array.from({ length: 99_999 }, (_, i) => `${String(i + 1).padStart(5, '0')}\n`).join('');
    expect(command.chunks()[0]?.offset).toBe(all.length - 10_000);
    expect(command.text()).toBe(all.slice(-10_000));
    const [end] = peer.of(from.OUTPUT_END, 1).filter((each) => each.stream === 1);
    expect(end?.payload.readBigUInt64LE(0)).toBe(BigInt(all.length));
  });

  it('end when the command closes them, before it ends itself', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const command = new Command(peer, 1, sh('echo out; exec >&-; read line; echo $line >&2'), { input: true });
    await peer.until(() => peer.of(from.OUTPUT_END, 1).find((each) => each.stream === 1));
    await command.write(Buffer.from('go on\n'));
    await command.exited();
    expect([command.text(1), command.text(2)]).toEqual(['out\n', 'go on\n']);
  });

  it('end with their command, also when another one holds them open', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const first = new Command(peer, 1, sh('echo $$; sleep 60'));
    const [pid] = await first.shows(/^\d+/);
    const thief = new Command(peer, 2, sh(`exec 7>/proc/${pid}/fd/1; echo taken; sleep 60`));
    await thief.shows(/taken/);
    first.end(0);
    expect(await first.exited()).toMatchObject({ how: 1, status: 9, cause: 2 });
    expect(peer.of(from.EXITED, 2)).toEqual([]);
  });

  it('take and drop the input of a command that does not want it', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const command = new Command(peer, 1, sh('exec <&-; echo closed; sleep 60'), { input: true });
    await command.shows(/closed/);
    await command.write(Buffer.alloc(1_000_000));
    command.endInput();
    command.end(0);
    expect(await command.exited()).toMatchObject({ how: 1 });
  });

  it('are served in turn: many that write without end leave none waiting', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const commands = Array.from({ length: 8 }, (_, i) => new Command(peer, i + 1, ['yes'], { credit: 16_777_216 }));
    await peer.until(() => commands.every((each) => each.chunks().length >= 8) || undefined);
    for (const each of commands) each.end(0);
    const exits = await Promise.all(commands.map((each) => each.exited()));
    expect(exits.map((each) => each.status)).toEqual(commands.map(() => 9));
  });

  it('answers every ping with its own bytes, in order, however many come at once', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const texts = Array.from({ length: 5_000 }, (_, i) => `ping ${i}`);
    for (const text of texts) peer.send(to.PING, 0, Buffer.from(text));
    await peer.until(() => peer.of(from.PONG)[texts.length - 1]);
    expect(peer.of(from.PONG).map((each) => each.payload.toString())).toEqual(texts);
  });
});
