import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';

/** More than any client's has. */
const mostIdChars = 256;

/** The answer has no id: with it, a client would take it for that of the first. */
export const reusedId = `a request of that id is being worked on, or it has more than ${mostIdChars} characters; give each one a short id of its own`;

/**
 * Ids of the requests of one connection that are being worked on. The SDK keeps one request of each: were a second one taken while the first is open, nobody
 * could cancel the first any more, and over HTTP its answer would go out as that of the second. MCP has no id used twice.
 */
export class OpenRequests {
  readonly #open = new Map<RequestId, 'taken' | 'at work'>();
  #answerCancelled: (id: RequestId) => void = () => undefined;

  /** Sees all that goes through a transport, to which a server is going to be connected. `onReused`: told of a request that is dropped. */
  watch(transport: Transport, onReused: () => void = () => undefined): void {
    const [start, send] = [transport.start.bind(transport), transport.send.bind(transport)];
    if (transport instanceof StreamableHTTPServerTransport) {
      const error = { code: -32000, message: 'the request was cancelled' };
      this.#answerCancelled = (id) => void send({ jsonrpc: '2.0', id, error }).catch(() => undefined);
    }
    transport.start = () => {
      // By now the server hears it; and what has come already is heard as soon as it is started.
      const receive = transport.onmessage;
      transport.onmessage = (message, extra) => {
        if (this.#hear(message)) receive?.(message, extra);
        else onReused();
      };
      return start();
    };
    transport.send = (message, options) => {
      if (isAnswer(message)) this.#open.delete(message.id);
      return send(message, options);
    };
  }

  /** Keeps the id of a message that is about to be given to the transport, until it has it, or what is returned is called; false: it is open already. */
  take(message: unknown): false | (() => void) {
    const id = requestIdOf(message);
    if (id === undefined) return () => undefined;
    if (this.#open.has(id) || isTooLong(id)) return false;
    this.#open.set(id, 'taken');
    return () => {
      // The transport has refused it.
      if (this.#open.get(id) === 'taken') this.#open.delete(id);
    };
  }

  /** Whether the server may have it. */
  #hear(message: JSONRPCMessage): boolean {
    this.#noteCancelled(message);
    const id = requestIdOf(message);
    if (id === undefined) return true;
    if (this.#open.get(id) === 'at work' || isTooLong(id)) return false;
    this.#open.set(id, 'at work');
    return true;
  }

  /**
   * One that is cancelled is not answered by the SDK, which cancels after the message, and none with an id of 0 or of no letters. Its transport for HTTP keeps what
   * belongs to a request until that is answered, as long as the connection's session lives: so it is, and the client's own request is over.
   */
  #noteCancelled(message: JSONRPCMessage): void {
    if (!('method' in message) || message.method !== 'notifications/cancelled') return;
    const id = message.params?.['requestId'];
    if (!isId(id) || id === 0 || id === '' || this.#open.get(id) !== 'at work') return;
    setImmediate(() => {
      this.#open.delete(id);
      this.#answerCancelled(id);
    });
  }
}

/** Undefined: it is no request. */
function requestIdOf(message: unknown): RequestId | undefined {
  if (typeof message !== 'object' || message === null || !('method' in message) || !('id' in message)) return undefined;
  return isId(message.id) ? message.id : undefined;
}

/** What is kept of each as long as it is open would be megabytes, and was kept longer. */
function isTooLong(id: RequestId): boolean {
  return typeof id === 'string' && id.length > mostIdChars;
}

function isId(id: unknown): id is RequestId {
  return typeof id === 'string' || typeof id === 'number';
}

function isAnswer(message: JSONRPCMessage): message is JSONRPCMessage & { readonly id: RequestId } {
  return ('result' in message || 'error' in message) && isId(message.id);
}
