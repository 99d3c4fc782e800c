import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PreparedCommand } from '../../../src/channel/types.js';
import { failed, finished, prepared, started, u32 } from './support/from-init.js';
import { command, Kept, Rig } from './support/rig.js';

const types = { START: 2, END: 7, FORGET: 9, PREPARE: 0x12 };
const ECHILD = 10;

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
