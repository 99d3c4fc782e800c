import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PreparedCommand } from '../../../src/channel/types.js';
import { exited, failed, finished, frame, output, prepared, started, u32 } from './support/from-init.js';
import { command, Kept, Rig } from './support/rig.js';

const types = { START: 2, END: 7, FORGET: 9, PREPARE: 0x12 };
const ECHILD = 10;

type Table = readonly (readonly [what: string, ...frames: readonly Buffer[]])[];

const whilePreparing: Table = [
  ['PREPARED with the pid 0', prepared(1, 0)],
  ['PREPARED with the pid of process 1', prepared(1, 1)],
  ['PREPARED with a pid that no kernel gives', prepared(1, 4_194_305)],
  ['PREPARED that is too short', frame(0x91, 1, Buffer.alloc(3))],
  ['PREPARED twice', prepared(1), prepared(1)],
  ['PREPARED after FAILED', failed(1), prepared(1)],
  ['a second FAILED', failed(1), failed(1)],
  ['STARTED without a START', prepared(1), started(1)],
  ['output without a START', prepared(1), output(1, 1, 0, 'x')],
  ['EXITED without a START', prepared(1), exited(1)],
];

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.open();
});
afterEach(() => rig[Symbol.asyncDispose]());

async function prepare(): Promise<PreparedCommand> {
  const preparing = rig.channel.prepare();
  const { id } = await rig.init.next(types.PREPARE);
  rig.init.send(prepared(id, 70 + id));
  return await preparing;
}

describe('a command that is prepared', () => {
  it('has an id and a pid before anybody knows what it runs, and keeps both', async () => {
    const waiting = await prepare();
    expect(waiting).toMatchObject({ id: 1, pid: 71, isOver: false });
    const starting = rig.channel.start(command, new Kept(), undefined, waiting);
    expect(await rig.init.next(types.START)).toMatchObject({ id: 1 });
    expect(waiting.isOver).toBe(true);
    rig.init.send(started(1, 71), finished(1));
    const run = await starting;
    expect(run).toMatchObject({ id: 1, pid: 71 });
    expect(await run.exited).toMatchObject({ how: 'exited' });
    expect(await rig.init.next(types.FORGET)).toMatchObject({ id: 1 });
  });

  it('leaves its id to nobody else', async () => {
    await prepare();
    expect((await rig.start()).id).toBe(2);
  });

  it('is over when its processes are gone, and can’t be started then', async () => {
    const waiting = await prepare();
    rig.init.send(failed(1, 3, ECHILD));
    expect(await rig.init.next(types.FORGET)).toMatchObject({ id: 1 });
    expect(waiting.isOver).toBe(true);
    await expect(rig.channel.start(command, new Kept(), undefined, waiting)).rejects.toMatchObject({
      code: 'COMMAND_NOT_RUN',
      stage: 'fork',
    });
    expect(await rig.said()).toEqual([]);
  });

  it('that could not be prepared says at which stage', async () => {
    const preparing = rig.channel.prepare();
    await rig.init.next(types.PREPARE);
    rig.init.send(failed(1, 1, 11));
    await expect(preparing).rejects.toMatchObject({ code: 'COMMAND_NOT_RUN', stage: 'table' });
  });

  it('is given up when it takes longer than anything but a stopped process does', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const given = expect(rig.channel.prepare()).rejects.toMatchObject({ code: 'COMMAND_NOT_RUN', stage: 'fork' });
      const { id } = await rig.init.next(types.PREPARE);
      vi.advanceTimersByTime(10_000);
      await given;
      expect(await rig.init.next(types.END)).toMatchObject({ id });
      // Its answer comes too late, and so does that it is gone.
      rig.init.send(prepared(id, 70), failed(id, 3, ECHILD));
      expect(await rig.init.next(types.FORGET)).toMatchObject({ id });
    } finally {
      vi.useRealTimers();
    }
  });

  it('is started once', async () => {
    const waiting = await prepare();
    const starting = rig.channel.start(command, new Kept(), undefined, waiting);
    await expect(rig.channel.start(command, new Kept(), undefined, waiting)).rejects.toMatchObject({ stage: 'fork' });
    rig.init.send(started(1));
    await starting;
  });

  it('is ended when nobody wants it', async () => {
    (await prepare()).discard();
    expect(await rig.init.next(types.END)).toMatchObject({ id: 1, payload: u32(0) });
    rig.init.send(failed(1, 3, ECHILD));
    expect(await rig.init.next(types.FORGET)).toMatchObject({ id: 1 });
  });

  it('is ended when its start is cancelled', async () => {
    const stopped = new AbortController();
    const waiting = await prepare();
    const starting = rig.channel.start(command, new Kept(), stopped.signal, waiting);
    stopped.abort();
    expect(await rig.init.next(types.END)).toMatchObject({ id: 1 });
    rig.init.send(failed(1, 3, ECHILD));
    await expect(starting).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  it('counts among the 128 that there may be', async () => {
    const many = Array.from({ length: 128 }, () => rig.channel.prepare());
    for (const each of many) each.catch(() => undefined);
    await expect(rig.channel.prepare()).rejects.toMatchObject({ stage: 'table' });
    await expect(rig.channel.start(command, new Kept())).rejects.toMatchObject({ stage: 'table' });
  });

  it('ends with the channel', async () => {
    const preparing = rig.channel.prepare();
    await rig.init.next(types.PREPARE);
    const refused = expect(preparing).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    await rig.channel[Symbol.asyncDispose]();
    await refused;
  });
});

describe('what process 1 may not send of a command that is prepared', () => {
  async function expectViolation(frames: readonly Buffer[]): Promise<void> {
    expect(await rig.endBy(...frames)).toMatchObject({ why: 'violation' });
    expect(rig.channel.isOpen).toBe(false);
  }

  it.each(whilePreparing.map(([what, ...frames]) => ({ what, frames })))('$what', async ({ frames }) => {
    const preparing = rig.channel.prepare().catch((error: unknown) => error);
    await rig.init.next(types.PREPARE);
    await expectViolation(frames);
    const { code = 'prepared' } = (await preparing) as { readonly code?: string };
    const second = frames[0]?.[4] === 0x83 ? 'COMMAND_NOT_RUN' : 'prepared';
    expect(code).toBe(frames.length === 1 ? 'CHANNEL_VIOLATION' : second);
  });

  it('PREPARED of one that has been started', async () => {
    const starting = rig.channel.start(command, new Kept(), undefined, await prepare());
    starting.catch(() => undefined);
    await rig.init.next(types.START);
    await expectViolation([prepared(1)]);
    await expect(starting).rejects.toMatchObject({ code: 'CHANNEL_VIOLATION' });
  });
});
