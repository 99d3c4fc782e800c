import { type ChannelOptions, openChannel } from '../../../../src/channel/channel.js';
import type { ChannelEnd } from '../../../../src/channel/end.js';
import { openFifoLink } from '../../../../src/channel/fifo-link.js';
import type { Channel, ChannelCommand, ChannelStart, CommandSinks } from '../../../../src/channel/types.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { FakeInit, type HolderFrame } from './fake-init.js';
import { Fifos } from './fifos.js';
import { started } from './from-init.js';

export const command: ChannelStart = {
  argv: ['true'],
  env: { PATH: '/bin' },
  cwd: '/',
  timeoutMs: 0,
  graceMs: 0,
  stdin: true,
};

/** Keeps copies of what comes. */
export class Kept implements CommandSinks {
  readonly chunks: { readonly stream: string; readonly offset: number; readonly bytes: Buffer }[] = [];

  onOutput(stream: 'stdout' | 'stderr', chunk: Buffer, offset: number): void {
    this.chunks.push({ stream, offset, bytes: Buffer.from(chunk) });
  }

  text(stream: 'stdout' | 'stderr'): string {
    return Buffer.concat(this.chunks.filter((c) => c.stream === stream).map((c) => c.bytes)).toString();
  }
}

/** A channel that waits for HELLO. */
export interface Opening extends AsyncDisposable {
  readonly fifos: Fifos;
  readonly init: FakeInit;
  readonly opening: Promise<Channel>;
}

/** An open channel over real FIFOs, with a scripted process 1 at its other end. */
export class Rig implements AsyncDisposable {
  readonly fifos: Fifos;
  readonly init: FakeInit;
  readonly channel: Channel;

  private constructor(fifos: Fifos, init: FakeInit, channel: Channel) {
    this.fifos = fifos;
    this.init = init;
    this.channel = channel;
  }

  static async open(options?: Partial<ChannelOptions>): Promise<Rig> {
    const { fifos, init, opening } = await Rig.greeting(options);
    await init.greet();
    return new Rig(fifos, init, await opening);
  }

  static async greeting(options: Partial<ChannelOptions> = {}): Promise<Opening> {
    const fifos = new Fifos();
    const link = await openFifoLink(fifos.shared, { hostFolder: fifos.host });
    const init = FakeInit.onFifos(fifos.shared);
    const opening = openChannel(link, { clock: systemClock, ...options });
    opening.catch(() => undefined);
    const dispose = async () => {
      await link[Symbol.asyncDispose]();
      await init[Symbol.asyncDispose]();
      fifos[Symbol.dispose]();
    };
    return { fifos, init, opening, [Symbol.asyncDispose]: dispose };
  }

  async start(fields: Partial<ChannelStart> = {}, sinks: CommandSinks = new Kept()): Promise<ChannelCommand> {
    const starting = this.channel.start({ ...command, ...fields }, sinks);
    const { id } = await this.init.next(0x02);
    this.init.send(started(id));
    return await starting;
  }

  /** Sends these frames and waits for what they do to the channel. */
  async endBy(...frames: readonly Buffer[]): Promise<ChannelEnd> {
    this.init.send(...frames);
    return await this.channel.ended;
  }

  /** What the holder says to everything that process 1 has said so far: its PING may cross with the first answer. */
  async said(): Promise<readonly HolderFrame[]> {
    const [before] = await Promise.all([this.init.upToPing(), this.channel.ping()]);
    const [after] = await Promise.all([this.init.upToPing(), this.channel.ping()]);
    return [...before, ...after];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.channel[Symbol.asyncDispose]();
    await this.init[Symbol.asyncDispose]();
    this.fifos[Symbol.dispose]();
  }
}
