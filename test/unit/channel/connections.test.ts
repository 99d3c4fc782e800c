import { describe, expect, it } from 'vitest';
import { openChannel } from '../../../src/channel/channel.js';
import type { ChannelConnection, ChannelListener } from '../../../src/channel/types.js';
import { systemClock } from '../../../src/kit/clock.js';
import {
  accepted,
  connectionData,
  connectionEnd,
  connectionId,
  connectionReset,
  credit,
  hello,
  listening,
} from './support/from-init.js';
import { MemoryLink } from './support/memory-link.js';
import { Rig } from './support/rig.js';

const first = connectionId(0);

class Listening implements AsyncDisposable {
  readonly rig: Rig;
  readonly listener: ChannelListener;
  readonly connections: ChannelConnection[];

  private constructor(rig: Rig, listener: ChannelListener, connections: ChannelConnection[]) {
    this.rig = rig;
    this.listener = listener;
    this.connections = connections;
  }

  static async open(): Promise<Listening> {
    const rig = await Rig.open();
    const connections: ChannelConnection[] = [];
    const asking = rig.channel.listen(8080, (connection) => connections.push(connection));
    const { id, payload } = await rig.init.next(0x0b);
    expect([id, payload.readUInt16LE(0)]).toEqual([1, 8080]);
    rig.init.send(listening(1, 0, 8080));
    return new Listening(rig, await asking, connections);
  }

  /** The next connection that came. */
  async accept(...frames: readonly Buffer[]): Promise<ChannelConnection> {
    this.rig.init.send(accepted(connectionId(this.connections.length), 1), ...frames);
    await this.rig.said();
    const connection = this.connections.at(-1);
    if (connection === undefined) throw new Error('no connection came');
    return connection;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.rig[Symbol.asyncDispose]();
  }
}

describe('a connection from inside', () => {
  it('carries bytes both ways and ends each way by itself', async () => {
    await using at = await Listening.open();
    const connection = await at.accept(connectionData(first, 'question'), connectionEnd(first));
    expect(connection).toMatchObject({ port: 8080, id: first });
    connection.setEncoding('utf8');
    let question = '';
    connection.on('data', (text: string) => {
      question += text;
    });
    await new Promise((resolve) => connection.once('end', resolve));
    expect(question).toBe('question');
    connection.end('answer');
    const [data, end] = await at.rig.said();
    expect(data).toMatchObject({ type: 0x0d, id: first, payload: Buffer.from('answer') });
    expect(end).toMatchObject({ type: 0x0e, id: first });
    await expect.poll(() => connection.closed).toBe(true);
    expect(await at.rig.said()).toEqual([]);
  });

  it('is ended and not reset when its end has to wait for the link', async () => {
    const link = new MemoryLink();
    const opening = openChannel(link, { clock: systemClock });
    link.feed(hello(Buffer.from(link.written[0]?.subarray(24, 40) ?? [])));
    await using channel = await opening;
    const connections: ChannelConnection[] = [];
    const listens = channel.listen(0, (connection) => connections.push(connection.resume()));
    link.feed(Buffer.concat([listening(1, 0, 80), accepted(first, 1), connectionEnd(first)]));
    await listens;
    link.isWritable = false;
    link.written.length = 0;
    connections[0]?.end();
    await systemClock.sleep(20);
    expect(link.written).toEqual([]);
    link.drain();
    await expect.poll(() => connections[0]?.closed).toBe(true);
    expect(link.written.map((bytes) => bytes[4])).toEqual([0x0e]);
  });

  it('holds at most its window while nobody reads, and credits what is read', async () => {
    await using at = await Listening.open();
    const half = Buffer.alloc(65_536, 'x');
    const connection = await at.accept(connectionData(first, half), connectionData(first, half));
    expect(connection.readableLength).toBe(65_536);
    expect(await at.rig.said()).toEqual([]);
    connection.resume();
    await at.rig.said();
    at.rig.init.send(connectionData(first, half));
    const said = await at.rig.said();
    expect(said.every(({ type, stream, id }) => type === 0x05 && stream === 3 && id === first)).toBe(true);
    expect(at.rig.channel.isOpen).toBe(true);
  });

  it('sends no more than the window of the other side', async () => {
    await using at = await Listening.open();
    const connection = await at.accept();
    connection.write(Buffer.alloc(200_000));
    const bytes = async () => (await at.rig.said()).reduce((sum, { payload }) => sum + payload.length, 0);
    expect(await bytes()).toBe(131_072);
    at.rig.init.send(credit(first, 1000));
    await at.rig.said();
    at.rig.init.send(credit(first, 131_072 - 1000));
    expect(await bytes()).toBeGreaterThan(0);
    expect(at.rig.channel.isOpen).toBe(true);
  });

  it('is reset when it is destroyed, and what had crossed with that is dropped', async () => {
    await using at = await Listening.open();
    const connection = await at.accept();
    connection.destroy();
    expect(await at.rig.init.next(0x0f)).toMatchObject({ id: first });
    at.rig.init.send(connectionData(first, 'late'), connectionEnd(first), connectionReset(first), credit(first, 5));
    expect(await at.rig.said()).toEqual([]);
    expect(at.rig.channel.isOpen).toBe(true);
  });

  it('is destroyed without an error when it is reset from inside', async () => {
    await using at = await Listening.open();
    const connection = await at.accept();
    const writing = new Promise((resolve) => connection.write(Buffer.alloc(300_000), resolve));
    at.rig.init.send(connectionReset(first));
    await new Promise((resolve) => connection.once('close', resolve));
    await writing;
    expect(connection.errored).toBeNull();
    expect((await at.rig.said()).filter(({ type }) => type !== 0x0d)).toEqual([]);
  });

  it('is destroyed when the channel ends', async () => {
    await using at = await Listening.open();
    const connection = await at.accept();
    const closed = new Promise((resolve) => connection.once('close', resolve));
    at.rig.init.close();
    await closed;
  });

  it('frees its place: 256 at a time, more one after the other', async () => {
    await using at = await Listening.open();
    for (let n = 0; n < 600; n += 1) {
      const id = connectionId(n);
      at.rig.init.send(accepted(id, 1), n % 2 === 0 ? connectionReset(id) : connectionEnd(id));
      if (n % 2 === 0) continue;
      await at.rig.said();
      at.connections[n]?.resume().end();
    }
    await at.rig.said();
    expect(at.connections).toHaveLength(600);
    expect(at.rig.channel.isOpen).toBe(true);
  });

  it('that comes to a listener which was closed meanwhile is reset', async () => {
    await using at = await Listening.open();
    at.listener.close();
    expect(await at.rig.init.next(0x0c)).toMatchObject({ id: 1 });
    at.rig.init.send(accepted(first, 1), connectionData(first, 'late'));
    expect((await at.rig.said()).map(({ type, id }) => [type, id])).toEqual([[0x0f, first]]);
    expect(at.connections).toEqual([]);
  });
});

describe('a listener', () => {
  it('that can not listen says the port and why', async () => {
    await using rig = await Rig.open();
    const asking = rig.channel.listen(80, () => undefined);
    await rig.init.next(0x0b);
    rig.init.send(listening(1, 98, 80));
    await expect(asking).rejects.toMatchObject({ code: 'CHANNEL_UNAVAILABLE', info: { port: 80, errno: 98 } });
  });

  it('is refused when there are 8, and for a port that is none', async () => {
    await using rig = await Rig.open();
    await expect(rig.channel.listen(65_536, () => undefined)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    const asked = Array.from({ length: 8 }, () => rig.channel.listen(0, () => undefined));
    await expect(rig.channel.listen(0, () => undefined)).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    for (let id = 1; id <= 8; id += 1) rig.init.send(listening(id, 0, 8000 + id));
    const [one] = await Promise.all(asked);
    one?.close();
    void rig.channel.listen(0, () => undefined).catch(() => undefined);
    expect((await rig.init.next(0x0b)).id).toBe(1);
  });

  it('whose callback throws ends the channel and tells what was thrown', async () => {
    await using rig = await Rig.open();
    const asking = rig.channel.listen(0, () => {
      throw new Error('not written yet');
    });
    await rig.init.next(0x0b);
    rig.init.send(listening(1, 0, 80));
    await asking;
    const end = await rig.endBy(accepted(first, 1));
    expect(end).toMatchObject({ why: 'closed', message: expect.stringContaining('not written yet') });
  });
});
