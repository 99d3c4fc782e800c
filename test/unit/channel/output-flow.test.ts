import { describe, expect, it } from 'vitest';
import { HeldOutput } from '../../../src/channel/held-output.js';
import type { ChannelStart, CommandSinks } from '../../../src/channel/types.js';
import { finished, output, outputEnd } from './support/from-init.js';
import { command, Kept, Rig } from './support/rig.js';

const KiB = 1024;
const block = (offset: number, byte = 0) => output(1, 1, offset, Buffer.alloc(64 * KiB, byte));
const credits = (frames: Awaited<ReturnType<Rig['said']>>) =>
  frames.filter(({ type }) => type === 0x05).map(({ stream, payload }) => [stream, payload.readUInt32LE(0)]);

/** Takes one chunk and then waits until it is let go. */
class Slow implements CommandSinks {
  readonly kept = new Kept();
  #letGo: () => void = () => undefined;
  readonly #gone = new Promise<void>((resolve) => {
    this.#letGo = resolve;
  });

  async onOutput(...chunk: Parameters<CommandSinks['onOutput']>): Promise<void> {
    await this.#gone;
    this.kept.onOutput(...chunk);
  }

  letGo(): void {
    this.#letGo();
  }
}

describe('output on its way to a sink', () => {
  it('is granted 1 MiB for each stream at the start, and a quarter again when that was taken', async () => {
    await using rig = await Rig.open();
    await rig.start();
    for (let i = 0; i < 3; i += 1) rig.init.send(block(i * 64 * KiB));
    expect(credits(await rig.said())).toEqual([]);
    rig.init.send(block(3 * 64 * KiB));
    expect(credits(await rig.said())).toEqual([[1, 256 * KiB]]);
  });

  it('asks in START for 1 MiB of each stream, and of a terminal for stdout only', async () => {
    await using rig = await Rig.open();
    const asked = async (fields: Partial<ChannelStart>) => {
      rig.channel.start({ ...command, ...fields }, new Kept()).catch(() => undefined);
      const { payload } = await rig.init.next(0x02);
      return [payload.readUInt32LE(12), payload.readUInt32LE(16)];
    };
    expect(await asked({})).toEqual([KiB * KiB, KiB * KiB]);
    expect(await asked({ tty: { rows: 1, columns: 1 } })).toEqual([KiB * KiB, 0]);
  });

  it('is held within its credit while the sink is busy, and credited as the sink takes it', async () => {
    await using rig = await Rig.open();
    const slow = new Slow();
    const run = await rig.start({}, slow);
    for (let i = 0; i < 16; i += 1) rig.init.send(block(i * 64 * KiB, i));
    expect(credits(await rig.said())).toEqual([]);
    slow.letGo();
    rig.init.send(finished(1, {}, [KiB * KiB, 0]));
    await run.exited;
    expect(slow.kept.chunks.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBe(KiB * KiB);
    for (const { offset, bytes } of slow.kept.chunks) expect(bytes[0]).toBe(offset / (64 * KiB));
  });

  it('of another stream or command goes on while one sink is busy', async () => {
    await using rig = await Rig.open();
    const slow = new Slow();
    await rig.start({}, slow);
    const kept = new Kept();
    const other = await rig.start({}, kept);
    for (let i = 0; i < 16; i += 1) rig.init.send(block(i * 64 * KiB));
    rig.init.send(output(2, 1, 0, 'on'), finished(2, {}, [2, 0]));
    expect(await other.exited).toMatchObject({ status: 0 });
    expect(kept.text('stdout')).toBe('on');
  });

  it('comes before the exit, however late the sink takes it, and before FORGET', async () => {
    await using rig = await Rig.open();
    const slow = new Slow();
    const run = await rig.start({}, slow);
    rig.init.send(output(1, 1, 0, 'late'), finished(1, {}, [4, 0]));
    expect(await rig.said()).toEqual([]);
    slow.letGo();
    await run.exited;
    expect(slow.kept.text('stdout')).toBe('late');
    expect((await rig.said()).map(({ type }) => type)).toEqual([0x09]);
  });

  it('comes before the end of the channel too', async () => {
    await using rig = await Rig.open();
    const slow = new Slow();
    const run = await rig.start({}, slow);
    rig.init.send(output(1, 1, 0, 'last'), output(1, 1, 4, ' words'));
    rig.init.close();
    expect(await rig.channel.ended).toMatchObject({ why: 'killed' });
    slow.letGo();
    await expect(run.exited).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    expect(slow.kept.text('stdout')).toBe('last words');
  });

  it('may jump where a ring dropped some, also at its end', async () => {
    await using rig = await Rig.open();
    const kept = new Kept();
    const run = await rig.start({ ringBytes: 4096 }, kept);
    rig.init.send(output(1, 1, 0, 'abc'), output(1, 1, 100, 'xyz'), outputEnd(1, 1, 200), finished(1).subarray(20));
    await run.exited;
    expect(kept.chunks.map(({ offset }) => offset)).toEqual([0, 100]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('the disk is full');
      },
    ],
    ['rejects', () => Promise.reject(new Error('the disk is full'))],
  ])('ends its command when the sink %s, and `exited` tells why', async (_, onOutput) => {
    await using rig = await Rig.open();
    const run = await rig.start({}, { onOutput });
    rig.init.send(block(0), block(64 * KiB), block(128 * KiB));
    expect((await rig.init.next(0x07)).payload).toEqual(Buffer.alloc(4));
    rig.init.send(block(192 * KiB), finished(1, { how: 1, status: 9, cause: 2 }, [256 * KiB, 0]));
    await expect(run.exited).rejects.toThrow('the disk is full');
    expect(rig.channel.isOpen).toBe(true);
    await rig.start();
  });
});

describe('output that is held', () => {
  it('keeps no more memory than its bytes need, though they come one by one out of large chunks', () => {
    const held = new HeldOutput();
    const chunk = Buffer.alloc(64 * KiB);
    for (let i = 0; i < 300_000; i += 1) held.push(chunk.subarray(0, 1), i);
    const pieces = [];
    for (let piece = held.shift(); piece; piece = held.shift()) pieces.push(piece);
    expect(pieces.map(({ bytes }) => bytes.buffer.byteLength)).toEqual(Array(5).fill(64 * KiB));
    expect(pieces.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4].map((i) => i * 64 * KiB));
  });

  it('drops its oldest pieces when there are more gaps than a ring can explain', () => {
    const held = new HeldOutput();
    let dropped = 0;
    for (let i = 0; i < 5000; i += 1) dropped += held.push(Buffer.from('x'), 2 * i);
    expect(dropped).toBe(5000 - 1024);
    expect(held.shift()?.offset).toBe(2 * dropped);
  });
});
