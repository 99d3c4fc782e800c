import { deferred } from '../kit/deferred.js';
import type { CommandHost } from './channel-command.js';
import { encodeEnd, encodeForget } from './encode.js';
import { ChannelStartFailed, ChannelViolation } from './errors.js';
import type { PreparedCommand } from './types.js';

const ECHILD = 10;
const ETIMEDOUT = 110;
/** It takes less than a millisecond: whoever takes this long has been stopped by something inside. */
const patienceMs = 10_000;

/** The processes of a command that has not been started: from PREPARE on, until a START takes them or they are gone. */
export class Preparation implements PreparedCommand {
  readonly id: number;
  readonly #host: CommandHost;
  readonly #ready = deferred<PreparedCommand>();
  #pid = 0;
  #isOver = false;

  constructor(id: number, host: CommandHost) {
    this.id = id;
    this.#host = host;
    this.#ready.promise.catch(() => undefined);
  }

  get pid(): number {
    return this.#pid;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Rejects with ChannelStartFailed, also when there is no answer in ten seconds, or as the channel ends. */
  async ready(): Promise<PreparedCommand> {
    const timer = setTimeout(() => {
      this.discard();
      this.#ready.reject(new ChannelStartFailed('fork', ETIMEDOUT));
    }, patienceMs);
    try {
      return await this.#ready.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  discard(): void {
    if (!this.#isOver) this.#host.outbox.send(encodeEnd(this.id, 0));
  }

  /** A START takes them. Throws ChannelStartFailed when they are gone. */
  take(): void {
    if (this.#isOver || this.#pid === 0) throw new ChannelStartFailed('fork', ECHILD);
    this.#isOver = true;
  }

  onPrepared(pid: number): void {
    if (this.#pid !== 0) throw new ChannelViolation('PREPARED of a command that is prepared');
    this.#pid = pid;
    this.#ready.resolve(this);
  }

  onFailed(error: Error): void {
    this.#isOver = true;
    this.#host.outbox.send(encodeForget(this.id));
    this.#host.onForgotten(this.id);
    this.#ready.reject(error);
  }

  onChannelEnd(error: Error): void {
    this.#isOver = true;
    this.#ready.reject(error);
  }
}
