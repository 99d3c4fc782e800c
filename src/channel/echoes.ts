import { PaddockError } from '../core/errors.js';
import { type Deferred, deferred } from '../kit/deferred.js';
import { ChannelViolation } from './errors.js';
import type { Outbox } from './outbox.js';

const maxWaiting = 64;

/** A question that process 1 answers with the very payload it came with. */
export interface EchoKind {
  /** Names of the frames, for people. */
  readonly question: string;
  readonly answer: string;
  readonly encode: (payload: Buffer) => Buffer;
}

/** Questions of one kind. Process 1 answers them in order. */
export class Echoes {
  readonly #outbox: Outbox;
  readonly #kind: EchoKind;
  readonly #waiting: { readonly payload: Buffer; readonly answered: Deferred<undefined> }[] = [];

  constructor(outbox: Outbox, kind: EchoKind) {
    this.#outbox = outbox;
    this.#kind = kind;
  }

  /** Resolves when process 1 has answered. Errors: LIMIT_REACHED when 64 wait already, that of `close`. */
  async ask(payload: Buffer): Promise<void> {
    if (this.#waiting.length >= maxWaiting) {
      throw new PaddockError('LIMIT_REACHED', `${maxWaiting} answers to ${this.#kind.question} are waited for already`);
    }
    const answered = deferred<undefined>();
    this.#waiting.push({ payload, answered });
    this.#outbox.send(this.#kind.encode(payload));
    await answered.promise;
  }

  onAnswer(payload: Buffer): void {
    const { question, answer } = this.#kind;
    const first = this.#waiting.shift();
    if (first === undefined) throw new ChannelViolation(`${answer} unasked`);
    if (!first.payload.equals(payload)) {
      this.#waiting.unshift(first);
      throw new ChannelViolation(`${answer} with another payload than its ${question}`);
    }
    first.answered.resolve(undefined);
  }

  close(error: Error): void {
    for (const { answered } of this.#waiting.splice(0)) answered.reject(error);
  }
}
