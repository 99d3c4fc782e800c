import { PaddockError } from '../core/errors.js';
import { type Deferred, deferred } from '../kit/deferred.js';
import { encodePing } from './encode.js';
import { ChannelViolation } from './errors.js';
import type { Outbox } from './outbox.js';

const maxWaiting = 64;

/** Questions whether process 1 still answers. It answers them in order. */
export class Pings {
  readonly #outbox: Outbox;
  readonly #waiting: { readonly payload: Buffer; readonly answered: Deferred<undefined> }[] = [];
  #asked = 0n;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  async ask(): Promise<void> {
    if (this.#waiting.length >= maxWaiting) throw new PaddockError('LIMIT_REACHED', `${maxWaiting} pings wait already`);
    const payload = Buffer.alloc(8);
    payload.writeBigUInt64LE(this.#asked);
    this.#asked += 1n;
    const answered = deferred<undefined>();
    this.#waiting.push({ payload, answered });
    this.#outbox.send(encodePing(payload));
    await answered.promise;
  }

  onPong(payload: Buffer): void {
    const first = this.#waiting.shift();
    if (first === undefined) throw new ChannelViolation('PONG unasked');
    if (!first.payload.equals(payload)) {
      this.#waiting.unshift(first);
      throw new ChannelViolation('PONG with another payload than its PING');
    }
    first.answered.resolve(undefined);
  }

  close(error: Error): void {
    for (const { answered } of this.#waiting.splice(0)) answered.reject(error);
  }
}
