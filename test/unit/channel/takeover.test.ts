import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type ChannelOptions, openChannel } from '../../../src/channel/channel.js';
import { reopenFifoLink } from '../../../src/channel/fifo-link.js';
import { channelSize } from '../../../src/channel/protocol.js';
import { takeOverChannel } from '../../../src/channel/take-over.js';
import type { Channel } from '../../../src/channel/types.js';
import { type Clock, systemClock } from '../../../src/kit/clock.js';
import { FakeInit } from './support/fake-init.js';
import { Fifos } from './support/fifos.js';
import { credit, exited, failed, finished, hello, output, outputEnd, started, state } from './support/from-init.js';
import { command, Kept } from './support/rig.js';

/** Twenty milliseconds for every second. */
const quick: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 50, signal) };

interface Takeover extends AsyncDisposable {
  readonly init: FakeInit;
  readonly opening: Promise<Channel>;
}

/** Opens the pipes of a process 1 whose holder is gone; `leftovers` are what that one had not read. */
async function takeOver(leftovers = Buffer.alloc(0), options: Partial<ChannelOptions> = {}): Promise<Takeover> {
  const fifos = new Fifos();
  const init = FakeInit.onFifos(fifos.shared, true);
  init.send(leftovers);
  const link = await reopenFifoLink(fifos.shared);
  const opening = openChannel(link, { clock: systemClock, ...options });
  opening.catch(() => undefined);
  const dispose = async () => {
    await link[Symbol.asyncDispose]();
    await init[Symbol.asyncDispose]();
    fifos[Symbol.dispose]();
  };
  return { init, opening, [Symbol.asyncDispose]: dispose };
}

/** A channel that was taken over with these STATE frames. */
async function open(at: Takeover, ...states: readonly Buffer[]): Promise<Channel> {
  await at.init.greet({ flags: 3, commands: states.length }, ...states);
  return await at.opening;
}

describe('a channel that is taken over', () => {
  it('knows the commands of the holder before', async () => {
    await using at = await takeOver();
    const channel = await open(at, state(5, 0, 77, [4000, 10, 20]), state(3, 1, 78, [5000, 0, 0]));
    expect(channel.peer).toMatchObject({ takenOver: true });
    expect(channel.known).toEqual([
      { id: 5, phase: 'running', pid: 77, startedBoottimeMs: 4000, stdoutOffset: 10, stderrOffset: 20 },
      { id: 3, phase: 'finished', pid: 78, startedBoottimeMs: 5000, stdoutOffset: 0, stderrOffset: 0 },
    ]);
  });

  it('may have no holder before, when that one had said nothing', async () => {
    await using at = await takeOver();
    await at.init.greet({ flags: 0 });
    expect((await at.opening).peer).toMatchObject({ takenOver: false, procReadable: false });
  });

  it.each([
    ['whole frames', Buffer.concat([output(1, 1, 0, 'old'), hello(randomBytes(16)), exited(1)])],
    [
      'the end of a frame and the beginning of one',
      Buffer.concat([output(1, 1, 0, 'x'.repeat(5000)).subarray(3000), output(1, 1, 0, 'abc').subarray(0, 14)]),
    ],
    ['60 kB of noise', randomBytes(60_000)],
  ])('drops what was left for the holder before: %s', async (_, leftovers) => {
    await using at = await takeOver(leftovers);
    const channel = await open(at, state(9));
    expect(channel.known.map(({ id }) => id)).toEqual([9]);
    await Promise.all([at.init.upToPing(), channel.ping()]);
  });

  it('gives up when nothing but leftovers comes', async () => {
    await using at = await takeOver(randomBytes(60_000), { helloTimeoutMs: 50 });
    await expect(at.opening).rejects.toMatchObject({ code: 'CHANNEL_UNAVAILABLE' });
  });

  it('grants credit to a command when it is attached, and takes what comes from its offset on', async () => {
    await using at = await takeOver();
    const channel = await open(at, state(5, 0, 77, [4000, 10, 20]));
    await Promise.all([at.init.upToPing(), channel.ping()]);
    const kept = new Kept();
    const run = channel.attach(5, kept);
    for (const stream of [1, 2]) {
      const { payload, ...granted } = await at.init.next(0x05);
      expect([granted, payload.readUInt32LE(0)]).toEqual([{ type: 5, id: 5, stream }, 1_048_576]);
    }
    at.init.send(output(5, 1, 12, 'new'), output(5, 2, 20, 'err'), finished(5, { status: 4 }, [15, 23]));
    expect(await run.exited).toMatchObject({ status: 4 });
    expect(kept.chunks.map(({ offset }) => offset)).toEqual([12, 20]);
    expect((await at.init.next(0x09)).id).toBe(5);
  });

  it('tells when a command had started, though clocks differ', async () => {
    await using at = await takeOver(undefined, {
      clock: { ...systemClock, now: () => 1_000_000 },
      boottimeMs: () => 9_000,
    });
    const channel = await open(at, state(5, 0, 77, [4000, 0, 0]));
    expect(channel.attach(5, new Kept())).toMatchObject({ pid: 77, startedAtMs: 995_000 });
  });

  it('keeps the exit of a command until it is attached, and forgets it only then', async () => {
    await using at = await takeOver();
    const channel = await open(at, state(5, 1));
    at.init.send(finished(5, { status: 6 }));
    const [said] = await Promise.all([at.init.upToPing(), channel.ping()]);
    expect(said).toEqual([]);
    expect(await channel.attach(5, new Kept()).exited).toMatchObject({ status: 6 });
    expect((await at.init.next(0x09)).id).toBe(5);
  });

  it('takes the end of a command that may have had a terminal, which has no stderr', async () => {
    await using at = await takeOver();
    const channel = await open(at, state(5));
    at.init.send(outputEnd(5, 1, 0), exited(5));
    expect(await channel.attach(5, new Kept()).exited).toMatchObject({ status: 0 });
  });

  it('hears of a command that had not started when its holder went', async () => {
    await using at = await takeOver();
    const channel = await open(at, state(5, 0, 0), state(6, 1, 0));
    const starting = channel.attach(5, new Kept());
    at.init.send(started(5, 80), failed(6, 8, 2), finished(5));
    await starting.exited;
    expect(starting.pid).toBe(80);
    await expect(channel.attach(6, new Kept()).exited).rejects.toMatchObject({ stage: 'exec', errno: 2 });
    expect((await at.init.next(0x09)).id).toBe(5);
    expect((await at.init.next(0x09)).id).toBe(6);
  });

  it('writes input only when process 1 has said how much room there is', async () => {
    await using at = await takeOver();
    const channel = await open(at, state(5));
    const run = channel.attach(5, new Kept());
    const writing = run.write(Buffer.alloc(3000));
    const [before] = await Promise.all([at.init.upToPing(), channel.ping()]);
    expect(before.map(({ type }) => type)).toEqual([0x05, 0x05]);
    at.init.send(credit(5, channelSize.INPUT_WINDOW));
    expect((await at.init.next(0x03)).payload).toHaveLength(3000);
    await writing;
  });

  it('gives new commands ids above the old ones', async () => {
    await using at = await takeOver();
    const channel = await open(at, state(5), state(2));
    channel.start(command, new Kept()).catch(() => undefined);
    expect((await at.init.next(0x02)).id).toBe(6);
  });

  it('begins at 1 again where the old ones had used the last id', async () => {
    await using at = await takeOver();
    const channel = await open(at, state(2 ** 31 - 1), state(1));
    channel.start(command, new Kept()).catch(() => undefined);
    expect((await at.init.next(0x02)).id).toBe(2);
  });

  it('attaches a command once, and none that it does not know', async () => {
    await using at = await takeOver();
    const channel = await open(at, state(5));
    channel.attach(5, new Kept());
    for (const id of [5, 6]) {
      expect(() => channel.attach(id, new Kept())).toThrow(expect.objectContaining({ code: 'NO_SUCH_COMMAND' }));
    }
  });

  it('rejects what was attached when it ends', async () => {
    await using at = await takeOver();
    const channel = await open(at, state(5));
    const run = channel.attach(5, new Kept());
    await channel[Symbol.asyncDispose]();
    await expect(run.exited).rejects.toMatchObject({ code: 'SESSION_ENDED' });
  });
});

describe('a takeover that comes too quickly', () => {
  it('lets go of the pipes for a moment and begins again', async () => {
    using fifos = new Fifos();
    await using init = FakeInit.onFifos(fifos.shared, true);
    const taking = takeOverChannel(fifos.shared, { clock: quick, helloTimeoutMs: 10_000 });
    const { payload: first } = await init.next(0x01);
    const { payload: second } = await init.next(0x01);
    expect(second.equals(first)).toBe(false);
    init.send(hello(second.subarray(12, 28), { flags: 1 }));
    await using channel = await taking;
    expect(channel.peer).toMatchObject({ takenOver: true });
  });

  it('is given up in the end, and at once when process 1 is gone', async () => {
    using fifos = new Fifos();
    const init = FakeInit.onFifos(fifos.shared, true);
    const options = { clock: quick, helloTimeoutMs: 600 };
    await expect(takeOverChannel(fifos.shared, options)).rejects.toMatchObject({ code: 'CHANNEL_UNAVAILABLE' });
    await init[Symbol.asyncDispose]();
    await expect(takeOverChannel(fifos.shared, options)).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    expect(fifos.openHere()).toEqual([]);
  });
});

describe('what process 1 may not say to a holder that takes over', () => {
  const opening = [
    { what: 'a state twice', frames: [state(5), state(5)], commands: 2 },
    { what: 'another frame between the states', frames: [state(5), started(5), state(6)], commands: 2 },
    { what: 'fewer states than announced', frames: [state(5), output(5, 1, 0, 'x')], commands: 2 },
    { what: 'more than 128 commands', frames: [], commands: 129 },
    { what: 'the phase 2', frames: [state(5, 2)], commands: 1 },
    { what: 'the pid of process 1', frames: [state(5, 0, 1)], commands: 1 },
    { what: 'a pid that no kernel gives', frames: [state(5, 0, 5_000_000)], commands: 1 },
    ...[0, 1, 2].map((i) => ({
      what: `a number ${i} above 2^53`,
      frames: [
        state(
          5,
          0,
          7,
          [0, 0, 0].map((zero, at) => (at === i ? 2n ** 53n : zero)),
        ),
      ],
      commands: 1,
    })),
  ];
  it.each(opening)('at the opening: $what', async ({ frames, commands }) => {
    await using at = await takeOver();
    await at.init.greet({ flags: 3, commands }, ...frames);
    await expect(at.opening).rejects.toMatchObject({ code: 'CHANNEL_VIOLATION' });
  });

  const later = [
    { what: 'more states than announced', frames: [state(6)] },
    { what: 'output before credit', frames: [output(5, 1, 10, 'x')] },
    { what: 'an end before the offset', frames: [outputEnd(5, 1, 9)] },
    { what: 'EXITED before the end of the output', frames: [exited(5)] },
    { what: 'STARTED twice', frames: [started(5), started(5)] },
    { what: 'STARTED after other frames', frames: [credit(5, 1), started(5)] },
    { what: 'FAILED after STARTED', frames: [started(5), failed(5)] },
    { what: 'more credit than the window', frames: [credit(5, channelSize.INPUT_WINDOW), credit(5, 1)] },
  ];
  it.each(later)('later: $what', async ({ frames }) => {
    await using at = await takeOver();
    const channel = await open(at, state(5, 0, 7, [1000, 10, 10]));
    at.init.send(...frames);
    expect(await channel.ended).toMatchObject({ why: 'violation' });
  });

  it('no end of stderr after output on it', async () => {
    await using at = await takeOver();
    const channel = await open(at, state(5));
    channel.attach(5, new Kept());
    await at.init.next(0x05);
    await at.init.next(0x05);
    at.init.send(output(5, 2, 0, 'x'), outputEnd(5, 1, 0), exited(5));
    expect(await channel.ended).toMatchObject({ why: 'violation' });
  });

  it('output before the offset', async () => {
    await using at = await takeOver();
    const channel = await open(at, state(5, 0, 7, [1000, 10, 10]));
    channel.attach(5, new Kept());
    await at.init.next(0x05);
    at.init.send(output(5, 1, 9, 'x'));
    expect(await channel.ended).toMatchObject({ why: 'violation' });
  });
});
