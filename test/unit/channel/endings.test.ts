import { describe, expect, it } from 'vitest';
import type { ChannelEnd } from '../../../src/channel/end.js';
import type { Clock } from '../../../src/kit/clock.js';
import { systemClock } from '../../../src/kit/clock.js';
import { bye, output } from './support/from-init.js';
import { command, Kept, Rig } from './support/rig.js';

describe('the end of a channel', () => {
  const reasons = ['stopped', 'deadline', 'violation', 'unkillable', 'kernel'];
  it.each(reasons)('is `%s` when process 1 says so', async (why) => {
    const number = reasons.indexOf(why);
    await using rig = await Rig.open();
    expect(await rig.endBy(bye(number, 'so it was'))).toEqual({
      why,
      message: `process 1 ended (${why}): so it was`,
    });
    expect(rig.channel.isOpen).toBe(false);
  });

  it('is `killed` when process 1 goes without a word, also within a frame', async () => {
    for (const last of [Buffer.alloc(0), output(1, 1, 0, 'cut off').subarray(0, 15)]) {
      await using rig = await Rig.open();
      if (last.length > 0) rig.init.send(last);
      rig.init.close();
      expect(await rig.channel.ended).toMatchObject({ why: 'killed' });
      await rig.init[Symbol.asyncDispose]();
      expect(rig.fifos.openHere()).toEqual([]);
    }
  });

  it('is `closed` when this side closes it, which process 1 sees at once', async () => {
    await using rig = await Rig.open();
    await rig.channel[Symbol.asyncDispose]();
    expect(await rig.channel.ended).toMatchObject({ why: 'closed' });
    await rig.init.atEnd();
    await rig.init[Symbol.asyncDispose]();
    expect(rig.fifos.openHere()).toEqual([]);
  });

  it('is told once to the one who asked, with the first reason', async () => {
    const ends: ChannelEnd[] = [];
    await using rig = await Rig.open({ onEnd: (end) => ends.push(end) });
    await rig.endBy(bye(1), bye(0));
    await rig.channel[Symbol.asyncDispose]();
    expect(ends).toMatchObject([{ why: 'deadline' }]);
  });

  it('ends whatever waited for something', async () => {
    await using rig = await Rig.open();
    const run = await rig.start();
    const waiting = [
      run.exited,
      run.write(Buffer.alloc(200_000)),
      rig.channel.ping(),
      rig.channel.hold(),
      rig.channel.listen(0, () => undefined),
      rig.channel.start(command, new Kept()),
    ];
    const over = { status: 'rejected', reason: expect.objectContaining({ code: 'SESSION_ENDED' }) };
    const settled = Promise.allSettled(waiting);
    rig.init.send(bye(1));
    expect(await settled).toEqual(waiting.map(() => over));
  });

  it('leaves nothing that can be asked for', async () => {
    await using rig = await Rig.open();
    const run = await rig.start();
    await rig.endBy(bye(0));
    const over = { code: 'SESSION_ENDED' };
    await expect(rig.channel.ping()).rejects.toMatchObject(over);
    await expect(rig.channel.hold()).rejects.toMatchObject(over);
    await expect(rig.channel.start(command, new Kept())).rejects.toMatchObject(over);
    await expect(rig.channel.listen(0, () => undefined)).rejects.toMatchObject(over);
    await expect(run.write(Buffer.from('x'))).rejects.toMatchObject(over);
    expect(() => rig.channel.attach(1, new Kept())).toThrow(expect.objectContaining(over));
    run.end(0);
    await rig.channel.shutdown();
  });

  it('comes when it is asked for, and at its latest after the time for that', async () => {
    await using polite = await Rig.open();
    const ending = polite.channel.shutdown();
    await polite.init.next(0x10);
    polite.init.send(bye(0));
    await ending;
    expect(await polite.channel.ended).toMatchObject({ why: 'stopped' });
    await using deaf = await Rig.open({ shutdownTimeoutMs: 30 });
    await deaf.channel.shutdown();
    expect(await deaf.channel.ended).toMatchObject({ why: 'closed' });
  });

  it('comes when process 1 closed only the way in', async () => {
    await using rig = await Rig.open();
    const run = await rig.start();
    rig.init.stopReading();
    run.end(0);
    expect(await rig.channel.ended).toMatchObject({ why: 'closed' });
  });
});

describe('a channel that does not open', () => {
  it('says so when no HELLO comes in time', async () => {
    await using greeting = await Rig.greeting({ helloTimeoutMs: 20 });
    await expect(greeting.opening).rejects.toMatchObject({ code: 'CHANNEL_UNAVAILABLE' });
    await greeting.init[Symbol.asyncDispose]();
    expect(greeting.fifos.openHere()).toEqual([]);
  });

  it('waits 30 s for it unless told otherwise', async () => {
    const waited: number[] = [];
    const clock: Clock = {
      ...systemClock,
      sleep: (ms) => {
        waited.push(ms);
        return Promise.resolve();
      },
    };
    await using greeting = await Rig.greeting({ clock });
    await expect(greeting.opening).rejects.toMatchObject({ code: 'CHANNEL_UNAVAILABLE' });
    expect(waited).toEqual([30_000]);
  });

  it('is given up when nobody wants it any more', async () => {
    const abort = new AbortController();
    await using greeting = await Rig.greeting({ signal: abort.signal });
    await greeting.init.next(0x01);
    abort.abort();
    await expect(greeting.opening).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  it('tells what process 1 says instead of HELLO', async () => {
    await using greeting = await Rig.greeting();
    greeting.init.send(bye(2, 'no common version'));
    await expect(greeting.opening).rejects.toMatchObject({
      code: 'CHANNEL_UNAVAILABLE',
      message: expect.stringContaining('no common version'),
    });
  });

  it('is closed when the names of its pipes can not be taken away', async () => {
    await using greeting = await Rig.greeting();
    greeting.fifos.removeHost();
    await greeting.init.greet();
    await expect(greeting.opening).rejects.toMatchObject({ code: 'CHANNEL_UNAVAILABLE' });
    await greeting.init.atEnd();
  });
});
