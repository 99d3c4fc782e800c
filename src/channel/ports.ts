import { PaddockError } from '../core/errors.js';
import { type Deferred, deferred } from '../kit/deferred.js';
import { OpenConnection } from './channel-connection.js';
import { Dials } from './dials.js';
import { encodeConnectionReset, encodeListen, encodeUnlisten } from './encode.js';
import { ChannelViolation } from './errors.js';
import type { Outbox } from './outbox.js';
import { channelSize } from './protocol.js';
import type { ChannelConnection, ChannelListener } from './types.js';

const { MAX_CONNECTIONS, MAX_LISTENERS, FIRST_CONNECTION_ID } = channelSize;

interface Listening {
  readonly asked: number;
  readonly answered: Deferred<ChannelListener>;
  readonly onConnection: (connection: ChannelConnection) => void;
  /** Undefined until it listens. */
  port: number | undefined;
}

/**
 * Listeners inside, and the connections that came to them. Both sides may close something while a frame about it is under
 * way to them, so frames of what was open once are dropped; of what never was they are violations.
 */
export class Ports {
  readonly #outbox: Outbox;
  readonly #listeners = new Map<number, Listening>();
  readonly #connections = new Map<number, OpenConnection>();
  readonly #dials: Dials;
  #lastListener = 0;
  /** Ids grow, so that one number tells what there may have been; two may be announced the other way round. */
  #lastConnection = FIRST_CONNECTION_ID - 1;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
    this.#dials = new Dials(outbox);
  }

  listen(port: number, onConnection: (connection: ChannelConnection) => void): Promise<ChannelListener> {
    if (this.#listeners.size >= MAX_LISTENERS) {
      return Promise.reject(new PaddockError('LIMIT_REACHED', `${MAX_LISTENERS} ports are listened on already`));
    }
    const id = this.#lastListener + 1;
    const frame = encodeListen(id, port);
    const answered = deferred<ChannelListener>();
    this.#listeners.set(id, { asked: port, answered, onConnection, port: undefined });
    this.#lastListener = id;
    this.#outbox.send(frame);
    return answered.promise;
  }

  onListening(id: number, answer: { readonly errno: number; readonly port: number }): void {
    const listening = this.#listeners.get(id);
    if (listening === undefined || listening.port !== undefined) throw new ChannelViolation('LISTENING unasked');
    const { asked, answered } = listening;
    if (answer.errno !== 0) {
      this.#listeners.delete(id);
      answered.reject(
        new PaddockError(
          'CHANNEL_UNAVAILABLE',
          `the port ${asked} inside can't be listened on (error ${answer.errno})`,
          {
            info: { port: asked, errno: answer.errno },
          },
        ),
      );
      return;
    }
    if (asked !== 0 && answer.port !== asked) throw new ChannelViolation(`LISTENING on ${answer.port}, not ${asked}`);
    listening.port = answer.port;
    const close = () => this.#unlisten(id);
    answered.resolve({ port: answer.port, close, [Symbol.dispose]: close });
  }

  onAccepted(id: number, listenerId: number): void {
    const listening = this.#listeners.get(listenerId);
    const isKnown = listenerId >= 1 && listenerId <= this.#lastListener;
    if (!isKnown || (listening && listening.port === undefined)) throw new ChannelViolation('ACCEPTED by no listener');
    this.#refuseKnown(id);
    if (listening?.port === undefined) {
      // It came to a listener that this side had closed meanwhile.
      this.#outbox.send(encodeConnectionReset(id));
      return;
    }
    listening.onConnection(this.#open(id, listening.port));
  }

  dial(port: number, signal: AbortSignal): Promise<ChannelConnection> {
    return this.#dials.dial(port, signal);
  }

  onDialled(id: number, { errno, connection }: { readonly errno: number; readonly connection: number }): void {
    const dial = this.#dials.take(id);
    if (errno !== 0) {
      dial.failed(errno);
      return;
    }
    this.#refuseKnown(connection);
    if (dial.isWanted) dial.made(this.#open(connection, dial.port));
    else this.#outbox.send(encodeConnectionReset(connection));
  }

  /** Undefined for one that was closed meanwhile. */
  connection(id: number): OpenConnection | undefined {
    if (id > this.#lastConnection) throw new ChannelViolation(`a frame for the connection ${id}, which never was`);
    return this.#connections.get(id);
  }

  close(error: Error): void {
    for (const { answered } of this.#listeners.values()) answered.reject(error);
    this.#dials.close(error);
    this.#listeners.clear();
    for (const connection of [...this.#connections.values()]) connection.onReset();
  }

  /** Of a connection that is announced, with an id that process 1 chose. */
  #refuseKnown(id: number): void {
    if (this.#connections.has(id)) throw new ChannelViolation(`a connection with the id ${id} again`);
    if (this.#connections.size >= MAX_CONNECTIONS)
      throw new ChannelViolation(`more than ${MAX_CONNECTIONS} connections`);
    this.#lastConnection = Math.max(this.#lastConnection, id);
  }

  #open(id: number, port: number): OpenConnection {
    const onClosed = () => this.#connections.delete(id);
    const connection = new OpenConnection(id, port, { outbox: this.#outbox, onClosed });
    this.#connections.set(id, connection);
    return connection;
  }

  #unlisten(id: number): void {
    if (this.#listeners.delete(id)) this.#outbox.send(encodeUnlisten(id));
  }
}
