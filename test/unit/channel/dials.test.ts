import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectionData, connectionEnd, connectionId, dialled } from './support/from-init.js';
import { Rig } from './support/rig.js';

const first = connectionId(0);
const ECONNREFUSED = 111;

let rig: Rig;
beforeEach(async () => {
  rig = await Rig.open();
});
afterEach(() => rig[Symbol.asyncDispose]());

const never = () => new AbortController().signal;

describe('a connection into the sandbox', () => {
  it('carries bytes both ways once process 1 has made it', async () => {
    const dialling = rig.channel.dial(8080, never());
    const { id, payload } = await rig.init.next(0x14);
    expect([id, payload.readUInt16LE(0)]).toEqual([1, 8080]);
    rig.init.send(dialled(1, 0, first), connectionData(first, 'welcome'), connectionEnd(first));
    const connection = await dialling;
    expect(connection).toMatchObject({ id: first, port: 8080 });
    let text = '';
    for await (const chunk of connection.iterator({ destroyOnReturn: false })) text += String(chunk);
    expect(text).toBe('welcome');
    connection.end('thanks');
    const [data, end] = await rig.said();
    expect(data).toMatchObject({ type: 0x0d, id: first, payload: Buffer.from('thanks') });
    expect(end).toMatchObject({ type: 0x0e, id: first });
  });

  it('fails with the error of process 1', async () => {
    const dialling = rig.channel.dial(8080, never());
    rig.init.send(dialled((await rig.init.next(0x14)).id, ECONNREFUSED));
    await expect(dialling).rejects.toMatchObject({ code: 'CHANNEL_UNAVAILABLE', errno: ECONNREFUSED });
  });

  it('that nobody wants any more is reset when it has been made', async () => {
    const over = new AbortController();
    const dialling = rig.channel.dial(8080, over.signal);
    await rig.init.next(0x14);
    over.abort(new Error('enough'));
    await expect(dialling).rejects.toThrow('enough');
    rig.init.send(dialled(1, 0, first), connectionData(first, 'late'));
    expect(await rig.said()).toMatchObject([{ type: 0x0f, id: first }]);
    expect(rig.channel.isOpen).toBe(true);
  });

  it('is one of 16 that are under way at most, also of those that nobody waits for', async () => {
    const over = Array.from({ length: 16 }, () => new AbortController());
    const dialling = over.map(({ signal }) => rig.channel.dial(80, signal));
    for (const one of over) one.abort(new Error('enough'));
    expect((await Promise.allSettled(dialling)).every(({ status }) => status === 'rejected')).toBe(true);
    await expect(rig.channel.dial(80, never())).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    rig.init.send(dialled(16, ECONNREFUSED));
    await rig.said();
    const next = rig.channel.dial(80, never());
    await rig.said();
    rig.init.send(dialled(17, 0, first));
    expect(await next).toMatchObject({ id: first });
  });

  it('ends with the channel', async () => {
    const dialling = rig.channel.dial(80, never());
    dialling.catch(() => undefined);
    await rig.init.next(0x14);
    await rig.channel[Symbol.asyncDispose]();
    await expect(dialling).rejects.toMatchObject({ code: 'SESSION_ENDED' });
  });
});

describe('the answer to a dial', () => {
  const answers: [string, ...Buffer[]][] = [
    ['an answer for another dial', dialled(2, 111)],
    ['an error that is none', dialled(1, 4096)],
    ['no error and no connection', dialled(1, 0)],
    ['an error and a connection', dialled(1, 111, connectionId(0))],
    ['a connection with the id of a command', dialled(1, 0, 7)],
    ['data before the answer', connectionData(connectionId(0), 'x')],
    ['two answers', dialled(1, 0, connectionId(0)), dialled(1, 0, connectionId(1))],
  ];
  it.each(answers)('may not be: %s', async (_, ...frames) => {
    const asking = rig.channel.dial(80, never());
    asking.catch(() => undefined);
    await rig.init.next(0x14);
    expect(await rig.endBy(...frames)).toMatchObject({ why: 'violation' });
    if (frames.length === 1) await expect(asking).rejects.toMatchObject({ code: 'CHANNEL_VIOLATION' });
  });

  it('may not be a connection that there is already', async () => {
    const asking = [rig.channel.dial(80, never()), rig.channel.dial(81, never())];
    for (const one of asking) one.catch(() => undefined);
    await rig.init.next(0x14);
    const frames = [dialled(1, 0, connectionId(0)), dialled(2, 0, connectionId(0))];
    expect(await rig.endBy(...frames)).toMatchObject({ why: 'violation' });
  });
});
