import { type Duplex, Readable } from 'node:stream';
import type { Client, Dispatcher } from 'undici';
import { EngineError } from '../../core/errors.js';
import { deferred } from '../../kit/deferred.js';
import { Deadline } from './deadline.js';
import { statusError, transportError } from './failures.js';
import { keepUnreadOnError } from './hijacked-socket.js';
import { type Call, describe, maxBodyBytes, requestPath, type Transport } from './transport.js';

/** A connection taken over: raw bytes both ways, `writable` absent when the engine would not upgrade. */
export interface RawConnection {
  readonly readable: Readable;
  readonly writable: Duplex | undefined;
  /** Drops the connection at once. */
  destroy(): void;
}

/**
 * Sends a POST that asks for `Upgrade: tcp` and hands over the connection. 101 gives both directions; 200 (an engine or
 * proxy that does not upgrade) the output only; anything else is the error in its body. undici's own `client.upgrade()`
 * loses that body, hence the handler. `timeoutMs` and the signal count until the streams are there.
 */
export async function hijack(transport: Transport, call: Call): Promise<RawConnection> {
  const what = describe(call);
  const deadline = new Deadline(call.timeoutMs ?? 30_000, call.signal);
  const client = await transport.freshClient(deadline, what).catch((thrown: unknown) => {
    deadline.clear();
    throw transportError(thrown, what, deadline);
  });
  const handler = new HijackHandler(client, what);
  const onAbort = (): void => handler.abort(deadline.signal.reason);
  deadline.signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (deadline.signal.aborted) onAbort();
    const request = {
      method: call.method,
      path: requestPath(call.path, call.query),
      upgrade: 'tcp',
      // A body where none is due would be the first that Podman gives to the standard input of what is attached to.
      ...(call.json === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(call.json) }),
    };
    client.dispatch(request, handler);
    return await handler.connection;
  } catch (thrown) {
    await client.destroy();
    throw transportError(thrown, what, deadline);
  } finally {
    deadline.signal.removeEventListener('abort', onAbort);
    deadline.clear();
  }
}

class HijackHandler implements Dispatcher.DispatchHandler {
  readonly #client: Client;
  readonly #what: string;
  readonly #settled = deferred<RawConnection>();
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #errorBody: Buffer[] = [];
  #errorBytes = 0;
  #plain: Readable | undefined;

  constructor(client: Client, what: string) {
    this.#client = client;
    this.#what = what;
  }

  get connection(): Promise<RawConnection> {
    return this.#settled.promise;
  }

  abort(reason: unknown): void {
    const error = reason instanceof Error ? reason : new Error('aborted');
    this.#settled.reject(error);
    this.#controller?.abort(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
  }

  onRequestUpgrade(
    _controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    socket: Duplex,
  ): void {
    // Listening from the first moment: an error without a listener would end the process.
    socket.on('error', () => undefined);
    keepUnreadOnError(socket);
    const destroy = (): void => {
      socket.destroy();
      void this.#client.destroy();
    };
    if (status !== 101) {
      this.#settled.reject(statusError(status, Buffer.alloc(0), this.#what));
      destroy();
      return;
    }
    this.#settled.resolve({ readable: socket, writable: socket, destroy });
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
    if (status !== 200) return;
    const plain = new Readable({ read: () => controller.resume() });
    plain.on('error', () => undefined);
    this.#plain = plain;
    const destroy = (): void => {
      plain.destroy();
      void this.#client.destroy();
    };
    this.#settled.resolve({ readable: plain, writable: undefined, destroy });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#plain) {
      if (!this.#plain.push(chunk)) controller.pause();
      return;
    }
    this.#errorBytes += chunk.length;
    if (this.#errorBytes > maxBodyBytes)
      controller.abort(new EngineError('ENGINE_PROTOCOL', `${this.#what}: endless answer`));
    else this.#errorBody.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#plain) this.#plain.push(null);
    else this.#settled.reject(statusError(this.#status, Buffer.concat(this.#errorBody), this.#what));
    this.#errorBody = [];
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#plain?.destroy(error);
    this.#settled.reject(error);
  }
}
