import { PaddockError } from '../core/errors.js';
import { type Deferred, deferred } from '../kit/deferred.js';
import { encodeDial } from './encode.js';
import { ChannelDialFailed, ChannelViolation } from './errors.js';
import type { Outbox } from './outbox.js';
import { channelSize } from './protocol.js';
import type { ChannelConnection } from './types.js';

const { MAX_DIALS } = channelSize;

/** A connection that was asked for and is not answered yet. */
class Dial {
  readonly port: number;
  readonly answered: Deferred<ChannelConnection> = deferred();
  isWanted = true;

  constructor(port: number) {
    this.port = port;
  }

  made(connection: ChannelConnection): void {
    this.answered.resolve(connection);
  }

  failed(errno: number): void {
    this.answered.reject(new ChannelDialFailed(this.port, errno));
  }
}

/** Connections into the sandbox that are under way. One that nobody waits for any more keeps its place until process 1 has answered. */
export class Dials {
  readonly #outbox: Outbox;
  readonly #dials = new Map<number, Dial>();
  #last = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  async dial(port: number, signal: AbortSignal): Promise<ChannelConnection> {
    signal.throwIfAborted();
    if (this.#dials.size >= MAX_DIALS) {
      throw new PaddockError('LIMIT_REACHED', `${MAX_DIALS} connections into the sandbox are under way already`);
    }
    const id = this.#last + 1;
    const frame = encodeDial(id, port);
    const dial = new Dial(port);
    this.#dials.set(id, dial);
    this.#last = id;
    this.#outbox.send(frame);
    const onAbort = () => {
      dial.isWanted = false;
      dial.answered.reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await dial.answered.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** That of an answer, which comes once. */
  take(id: number): Dial {
    const dial = this.#dials.get(id);
    if (dial === undefined) throw new ChannelViolation('DIALLED unasked');
    this.#dials.delete(id);
    return dial;
  }

  close(error: Error): void {
    for (const dial of this.#dials.values()) dial.answered.reject(error);
    this.#dials.clear();
  }
}
