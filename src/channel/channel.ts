import { randomBytes } from 'node:crypto';
import { uptime } from 'node:os';
import { PaddockError } from '../core/errors.js';
import type { Clock } from '../kit/clock.js';
import { deferred } from '../kit/deferred.js';
import { Commands } from './commands.js';
import { decodeBye } from './decode.js';
import { dispatch, type Receivers } from './dispatch.js';
import { Echoes } from './echoes.js';
import { deadlinePayload, encodeDeadline, encodeHello, encodeHold, encodePing, encodeShutdown } from './encode.js';
import { type ChannelEnd, endedError } from './end.js';
import { ChannelViolation } from './errors.js';
import type { Frame } from './frame.js';
import { FrameReader } from './frame-reader.js';
import { Greeting } from './greeting.js';
import { LeftoverFilter } from './leftover-filter.js';
import type { ChannelLink, LinkEnd } from './link.js';
import { Outbox } from './outbox.js';
import { Ports } from './ports.js';
import { channelSize, fromInit } from './protocol.js';
import type {
  Channel,
  ChannelCommand,
  ChannelConnection,
  ChannelListener,
  ChannelPeer,
  ChannelStart,
  CommandSinks,
  CommandState,
  PreparedCommand,
} from './types.js';

export interface ChannelOptions {
  readonly clock: Clock;
  /** How long process 1 may take to say HELLO; 30 s. */
  readonly helloTimeoutMs?: number;
  /** How long it may take to end what runs after `shutdown`; 15 s. */
  readonly shutdownTimeoutMs?: number;
  /** CLOCK_BOOTTIME; for when commands started that were taken over. */
  readonly boottimeMs?: () => number;
  /** Ends the wait for HELLO with INTERRUPTED: process 1 may be known to be gone. */
  readonly signal?: AbortSignal;
  /** As `Channel.ended` resolves. */
  readonly onEnd?: (end: ChannelEnd) => void;
}

/**
 * Says HELLO on the link and waits for the answer. The link belongs to the channel from here on, also when this fails:
 * CHANNEL_UNAVAILABLE (no HELLO in time, the link ended, process 1 said BYE), CHANNEL_VIOLATION, INTERRUPTED.
 */
export async function openChannel(link: ChannelLink, options: ChannelOptions): Promise<Channel> {
  const channel = new OpenChannel(link, options);
  try {
    await channel.open(options.helloTimeoutMs ?? 30_000, options.signal);
  } catch (error) {
    await channel[Symbol.asyncDispose]();
    throw error;
  }
  return channel;
}

class OpenChannel implements Channel {
  readonly ended: Promise<ChannelEnd>;
  readonly #link: ChannelLink;
  readonly #options: ChannelOptions;
  readonly #nonce = randomBytes(channelSize.NONCE_BYTES);
  readonly #greeting: Greeting;
  readonly #reader = new FrameReader();
  readonly #outbox: Outbox;
  readonly #receivers: Receivers;
  readonly #greeted = deferred<undefined>();
  #leftovers: LeftoverFilter | undefined;
  #end: ChannelEnd | undefined;
  #pings = 0n;

  constructor(link: ChannelLink, options: ChannelOptions) {
    this.#link = link;
    this.#options = options;
    this.#greeting = new Greeting(this.#nonce, link.resumes);
    this.#leftovers = link.resumes ? new LeftoverFilter(this.#nonce) : undefined;
    this.#outbox = new Outbox(link, (violation) => this.#onThrown(violation));
    const { clock, boottimeMs = () => uptime() * 1000 } = options;
    this.#receivers = {
      commands: new Commands({ outbox: this.#outbox, now: () => clock.now(), boottimeMs }),
      ports: new Ports(this.#outbox),
      pings: new Echoes(this.#outbox, { question: 'PING', answer: 'PONG', encode: encodePing }),
      deadlines: new Echoes(this.#outbox, { question: 'DEADLINE', answer: 'DEADLINE', encode: encodeDeadline }),
    };
    this.#greeted.promise.catch(() => undefined);
    this.ended = link.closed.then((end) => this.#onLinkClosed(end));
  }

  get peer(): ChannelPeer {
    return this.#greeting.peer;
  }

  get known(): readonly CommandState[] {
    return this.#greeting.known;
  }

  get isOpen(): boolean {
    return this.#end === undefined;
  }

  async open(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    this.#link.read({ onChunk: (chunk) => this.#onChunk(chunk), onDrain: () => this.#outbox.run() });
    this.#outbox.send(encodeHello(this.#nonce));
    const timer = new AbortController();
    const waiting = signal ? AbortSignal.any([timer.signal, signal]) : timer.signal;
    const timedOut = this.#options.clock.sleep(timeoutMs, waiting).then(
      () => Promise.reject(unavailable(`process 1 said nothing within ${timeoutMs} ms`)),
      (error: unknown) => {
        if (signal?.aborted)
          throw new PaddockError('INTERRUPTED', 'the channel is not wanted any more', { cause: error });
      },
    );
    try {
      await Promise.race([this.#greeted.promise, timedOut]);
    } finally {
      timer.abort();
    }
    await this.#link.confirm().catch((error: unknown) => {
      throw unavailable('the names of the pipes could not be taken out of the sandbox', error);
    });
  }

  start(
    command: ChannelStart,
    sinks: CommandSinks,
    signal?: AbortSignal,
    prepared?: PreparedCommand,
  ): Promise<ChannelCommand> {
    return this.#whileOpen(() => this.#receivers.commands.start(command, sinks, signal, prepared));
  }

  prepare(): Promise<PreparedCommand> {
    return this.#whileOpen(() => this.#receivers.commands.prepare());
  }

  attach(id: number, sinks: CommandSinks): ChannelCommand {
    if (this.#end) throw endedError(this.#end);
    return this.#receivers.commands.attach(id, sinks);
  }

  ping(): Promise<void> {
    const payload = Buffer.alloc(8);
    payload.writeBigUInt64LE(this.#pings++);
    return this.#whileOpen(() => this.#receivers.pings.ask(payload));
  }

  async hold(): Promise<void> {
    this.#outbox.send(encodeHold());
    await this.ping();
  }

  setDeadline(boottimeMs: number): Promise<void> {
    return this.#whileOpen(async () => this.#receivers.deadlines.ask(deadlinePayload(boottimeMs)));
  }

  listen(port: number, onConnection: (connection: ChannelConnection) => void): Promise<ChannelListener> {
    return this.#whileOpen(() => this.#receivers.ports.listen(port, onConnection));
  }

  dial(port: number, signal: AbortSignal): Promise<ChannelConnection> {
    return this.#whileOpen(() => this.#receivers.ports.dial(port, signal));
  }

  async shutdown(): Promise<void> {
    const { clock, shutdownTimeoutMs = 15_000 } = this.#options;
    this.#outbox.send(encodeShutdown());
    const over = new AbortController();
    const late = clock.sleep(shutdownTimeoutMs, over.signal).then(() => this.#link.close());
    late.catch(() => undefined);
    await this.ended;
    over.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#finish({ why: 'closed', message: 'this side closed it' });
    await this.ended;
  }

  async #whileOpen<T>(action: () => Promise<T>): Promise<T> {
    if (this.#end) throw endedError(this.#end);
    return await action();
  }

  #onChunk(chunk: Buffer): void {
    const bytes = this.#leftovers ? this.#leftovers.push(chunk) : chunk;
    if (bytes === undefined) return;
    this.#leftovers = undefined;
    try {
      this.#reader.push(bytes);
      while (this.isOpen) {
        const frame = this.#reader.next();
        if (frame === undefined) return;
        this.#onFrame(frame);
      }
    } catch (error) {
      this.#onThrown(error);
    }
  }

  #onFrame(frame: Frame): void {
    if (frame.type === fromInit.FROM_INIT_BYE) {
      const { why, text } = decodeBye(frame.payload);
      this.#finish({ why, message: `process 1 ended (${why}): ${text}` });
    } else if (this.#greeting.isComplete) {
      dispatch(frame, this.#receivers);
    } else if (this.#greeting.take(frame) === 'complete') {
      this.#receivers.commands.adopt(this.#greeting.known);
      this.#greeted.resolve(undefined);
    }
  }

  /** Only violations are expected where frames are read; anything else is a bug, of ours or of an `onConnection`. */
  #onThrown(error: unknown): void {
    if (error instanceof ChannelViolation) this.#finish({ why: 'violation', message: error.message, cause: error });
    else this.#finish({ why: 'closed', message: `a frame could not be handled: ${String(error)}`, cause: error });
  }

  #onLinkClosed(end: LinkEnd): ChannelEnd {
    const ended = this.#finish({ why: end.why === 'ended' ? 'killed' : 'closed', message: end.message });
    this.#options.onEnd?.(ended);
    return ended;
  }

  /** The first reason counts. */
  #finish(end: ChannelEnd): ChannelEnd {
    if (this.#end !== undefined) return this.#end;
    this.#end = end;
    this.#outbox.close();
    this.#link.close();
    const error = endedError(end);
    const isViolation = end.cause instanceof ChannelViolation;
    this.#greeted.reject(isViolation ? end.cause : unavailable(`the channel was not opened: ${end.message}`));
    this.#receivers.commands.close(error);
    this.#receivers.ports.close(error);
    this.#receivers.pings.close(error);
    this.#receivers.deadlines.close(error);
    return end;
  }
}

function unavailable(message: string, cause?: unknown): PaddockError {
  return new PaddockError('CHANNEL_UNAVAILABLE', message, { cause });
}
