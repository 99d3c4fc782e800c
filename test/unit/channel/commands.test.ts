import { describe, expect, it } from 'vitest';
import { ChannelStartFailed } from '../../../src/channel/errors.js';
import { channelSize } from '../../../src/channel/protocol.js';
import { credit, exited, failed, finished, output, outputEnd, started } from './support/from-init.js';
import { command, Kept, Rig } from './support/rig.js';

const { INPUT_WINDOW, MAX_DATA } = channelSize;

describe('a command over the channel', () => {
  it('starts, gives its output to the sinks and its end to `exited`, and is forgotten', async () => {
    await using rig = await Rig.open();
    const kept = new Kept();
    const run = await rig.start({}, kept);
    expect(run).toMatchObject({ id: 1, pid: 7 });
    rig.init.send(output(1, 1, 0, 'one'), output(1, 2, 0, 'err'), output(1, 1, 3, 'two'));
    rig.init.send(outputEnd(1, 2, 3), outputEnd(1, 1, 6), exited(1, { status: 3, strays: 2 }));
    expect(await run.exited).toEqual({
      how: 'exited',
      status: 3,
      cause: 'itself',
      strays: 2,
      userUs: 1000,
      systemUs: 2000,
      peakBytes: 4096,
      durationUs: 5000,
    });
    expect([kept.text('stdout'), kept.text('stderr')]).toEqual(['onetwo', 'err']);
    expect((await rig.init.next(0x09)).id).toBe(1);
  });

  it.each([
    [
      { how: 1, status: 9, cause: 1 },
      { how: 'signal', signal: 9, cause: 'timeout' },
    ],
    [
      { how: 2, status: 0, cause: 3 },
      { how: 'lost', cause: 'supervisor-lost' },
    ],
    [
      { status: 255, cause: 2 },
      { how: 'exited', status: 255, cause: 'ended' },
    ],
  ])('tells the exit %o as %o', async (fields, told) => {
    await using rig = await Rig.open();
    const run = await rig.start();
    rig.init.send(finished(1, fields));
    expect(await run.exited).toMatchObject(told);
  });

  it('that can not start is refused with stage and error, and forgotten', async () => {
    await using rig = await Rig.open();
    const starting = rig.channel.start(command, new Kept());
    await rig.init.next(0x02);
    rig.init.send(failed(1, 6, 20));
    await expect(starting).rejects.toThrow(ChannelStartFailed);
    await expect(starting).rejects.toMatchObject({ code: 'COMMAND_NOT_RUN', stage: 'cwd', errno: 20 });
    expect((await rig.init.next(0x09)).id).toBe(1);
  });

  it('may have output in the very bytes that say that it started', async () => {
    await using rig = await Rig.open();
    const kept = new Kept();
    const starting = rig.channel.start(command, kept);
    await rig.init.next(0x02);
    rig.init.send(started(1), output(1, 1, 0, 'at once'), finished(1, {}, [7, 0]));
    expect(await (await starting).exited).toMatchObject({ status: 0 });
    expect(kept.text('stdout')).toBe('at once');
  });

  it('is asked to end, signalled and resized with the frames for it', async () => {
    await using rig = await Rig.open();
    const run = await rig.start({ tty: { rows: 24, columns: 80 } });
    run.end(2500);
    run.signal(15, 'tree');
    run.resize(50, 132);
    run.endInput();
    expect(await rig.init.next(0x07)).toMatchObject({ id: 1, payload: Buffer.from([0xc4, 0x09, 0, 0]) });
    expect(await rig.init.next(0x06)).toMatchObject({ id: 1, payload: Buffer.from([15, 1]) });
    expect(await rig.init.next(0x08)).toMatchObject({ id: 1, payload: Buffer.from([50, 0, 132, 0]) });
    expect(await rig.init.next(0x04)).toMatchObject({ id: 1 });
    rig.init.send(outputEnd(1, 1, 0), exited(1));
    await run.exited;
    run.end(0);
    expect((await rig.said()).map((frame) => frame.type)).toEqual([0x09]);
  });

  it.each([
    ['a signal of 0', (run: Awaited<ReturnType<Rig['start']>>) => run.signal(0, 'leader')],
    ['a signal of 65', (run: Awaited<ReturnType<Rig['start']>>) => run.signal(65, 'leader')],
    ['a negative grace', (run: Awaited<ReturnType<Rig['start']>>) => run.end(-1)],
    ['no rows', (run: Awaited<ReturnType<Rig['start']>>) => run.resize(0, 80)],
  ])('refuses %s by itself', async (_, ask) => {
    await using rig = await Rig.open();
    const run = await rig.start();
    expect(() => ask(run)).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }));
  });

  it('sends input only within the window, and the rest when credit comes', async () => {
    await using rig = await Rig.open();
    const run = await rig.start();
    const input = Buffer.alloc(INPUT_WINDOW + 70_000, 'i');
    let isWritten = false;
    const writing = run.write(input).then(() => {
      isWritten = true;
    });
    run.endInput();
    for (let sent = 0; sent < INPUT_WINDOW; sent += MAX_DATA) {
      expect((await rig.init.next(0x03)).payload).toHaveLength(MAX_DATA);
    }
    expect(await rig.said()).toEqual([]);
    expect(isWritten).toBe(false);
    rig.init.send(credit(1, 100_000));
    expect((await rig.init.next(0x03)).payload).toHaveLength(MAX_DATA);
    expect((await rig.init.next(0x03)).payload).toHaveLength(70_000 - MAX_DATA);
    await rig.init.next(0x04);
    await writing;
  });

  it('takes no input that it was not started with, nor after its end', async () => {
    await using rig = await Rig.open();
    const without = await rig.start({ stdin: false });
    await expect(without.write(Buffer.from('x'))).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    const run = await rig.start();
    run.endInput();
    await expect(run.write(Buffer.from('x'))).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
  });

  it('lets 64 writes wait and refuses the next', async () => {
    await using rig = await Rig.open();
    const run = await rig.start();
    const writes = Array.from({ length: 65 }, () => run.write(Buffer.alloc(INPUT_WINDOW)));
    await expect(writes[64]).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    rig.init.send(finished(1));
    await Promise.all(writes.slice(0, 64));
  });

  it('drops what is written to a command that has ended', async () => {
    await using rig = await Rig.open();
    const run = await rig.start();
    const stuck = run.write(Buffer.alloc(300_000));
    rig.init.send(finished(1));
    await run.exited;
    await stuck;
    await run.write(Buffer.from('late'));
  });

  it('sends a START of 2 MiB whole', async () => {
    await using rig = await Rig.open();
    const starting = rig.channel.start({ ...command, argv: ['sh', 'x'.repeat(2_000_000)] }, new Kept());
    const { payload } = await rig.init.next(0x02);
    expect(payload.length).toBeGreaterThan(2_000_000);
    rig.init.send(started(1), finished(1));
    await (await starting).exited;
  });

  it('is not started while 128 are there', async () => {
    await using rig = await Rig.open();
    for (let i = 0; i < 128; i += 1) await rig.start();
    await expect(rig.channel.start(command, new Kept())).rejects.toMatchObject({ stage: 'table' });
    rig.init.send(finished(5));
    await rig.init.next(0x09);
    expect(await rig.start()).toMatchObject({ id: 129 });
  });
});

describe('a start that is cancelled', () => {
  it('is not sent when its signal has fired before', async () => {
    await using rig = await Rig.open();
    await expect(rig.channel.start(command, new Kept(), AbortSignal.abort())).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
    expect(await rig.said()).toEqual([]);
  });

  it('ends the command, and rejects when nothing is left of it', async () => {
    await using rig = await Rig.open();
    const abort = new AbortController();
    const starting = rig.channel.start(command, new Kept(), abort.signal);
    await rig.init.next(0x02);
    abort.abort();
    expect((await rig.init.next(0x07)).payload).toEqual(Buffer.alloc(4));
    rig.init.send(started(1), finished(1, { how: 1, status: 9, cause: 2 }));
    await expect(starting).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect((await rig.init.next(0x09)).id).toBe(1);
  });

  it('leaves a command alone that runs already', async () => {
    await using rig = await Rig.open();
    const abort = new AbortController();
    const starting = rig.channel.start(command, new Kept(), abort.signal);
    await rig.init.next(0x02);
    rig.init.send(started(1));
    const run = await starting;
    abort.abort();
    rig.init.send(finished(1));
    await run.exited;
    expect((await rig.said()).map((frame) => frame.type)).toEqual([0x09]);
  });
});
