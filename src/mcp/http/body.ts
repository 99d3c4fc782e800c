import type { IncomingMessage } from 'node:http';
import { boundText, type MessageBounds, MessageSize } from '../message-size.js';
import { HttpRefusal } from './refusal.js';

/** What all bodies together may take, so that many at once are no more than a few. */
export class BodyBudget {
  #leftBytes: number;
  readonly #within: BodyBudget | undefined;

  /** `within`: what this one is a part of. */
  constructor(bytes: number, within?: BodyBudget) {
    this.#leftBytes = bytes;
    this.#within = within;
  }

  /** Whether there was room. */
  take(bytes: number): boolean {
    if (bytes > this.#leftBytes || this.#within?.take(bytes) === false) return false;
    this.#leftBytes -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#leftBytes += bytes;
    this.#within?.giveBack(bytes);
  }
}

export interface Body {
  readonly json: unknown;
  /** To be given back to the budget once the request is done. */
  readonly bytes: number;
}

/** The JSON of a request, of one message within the bounds. Errors: HttpRefusal; then nothing of the budget is taken. */
export async function readJson(request: IncomingMessage, bounds: MessageBounds, budget: BodyBudget): Promise<Body> {
  checkHeaders(request, bounds);
  const size = new MessageSize(bounds);
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of request as AsyncIterable<Buffer>) {
      const beyond = size.add(piece);
      if (beyond !== undefined) throw tooLarge(bounds, beyond);
      if (!budget.take(piece.length))
        throw new HttpRefusal('too-many', 'too much is being sent', { 'retry-after': '1' });
      bytes += piece.length;
      pieces.push(piece);
    }
    return { json: parse(Buffer.concat(pieces)), bytes };
  } catch (error) {
    budget.giveBack(bytes);
    throw error;
  }
}

function checkHeaders({ headers }: IncomingMessage, bounds: MessageBounds): void {
  if (!/^application\/json *(;.*)?$/i.test(headers['content-type'] ?? '')) {
    throw new HttpRefusal('content-type', 'a message is application/json');
  }
  // What is small when it is sent may be endless when it is unpacked.
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw new HttpRefusal('content-type', 'a message comes as it is, without an encoding');
  }
  if (Number(headers['content-length'] ?? 0) > bounds.bytes) throw tooLarge(bounds, 'bytes');
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch {
    throw new HttpRefusal('not-json', 'not JSON');
  }
}

function tooLarge(bounds: MessageBounds, what: keyof MessageBounds): HttpRefusal {
  return new HttpRefusal('too-large', boundText(bounds, what));
}
