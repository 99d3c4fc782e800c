import type { Json } from '../../../policy/json.js';

/** Reads the JSON messages out of a copy of an answer, as its bytes come by. Never throws, and never holds more than it says. */
export interface MessageReader {
  push(chunk: Buffer): void;
  end(): void;
}

/** Past this an answer, or one event of it, is not looked into. */
const mostBytes = 8 * 1024 * 1024;

export function messageReader(contentType: string, onMessage: (message: Json) => void): MessageReader {
  const onText = (text: string) => {
    try {
      onMessage(JSON.parse(text) as Json);
    } catch {
      // `[DONE]`, or no JSON: it says nothing of usage.
    }
  };
  if (contentType.startsWith('text/event-stream')) return new EventLines(onText);
  if (contentType.startsWith('application/vnd.amazon.eventstream')) return new EventFrames(onText);
  return new WholeBody(onText);
}

class WholeBody implements MessageReader {
  #parts: Buffer[] = [];
  #bytes = 0;
  readonly #onText: (text: string) => void;

  constructor(onText: (text: string) => void) {
    this.#onText = onText;
  }

  push(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes <= mostBytes) this.#parts.push(chunk);
    else this.#parts = [];
  }

  end(): void {
    if (this.#bytes <= mostBytes) this.#onText(Buffer.concat(this.#parts).toString());
  }
}

/** Server-sent events whose `data` is one line, as all of these APIs have it. */
class EventLines implements MessageReader {
  #line: Buffer[] = [];
  #bytes = 0;
  readonly #onText: (text: string) => void;

  constructor(onText: (text: string) => void) {
    this.#onText = onText;
  }

  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      this.#keep(chunk.subarray(from, at));
      this.end();
      from = at + 1;
    }
    this.#keep(chunk.subarray(from));
  }

  end(): void {
    const line = this.#bytes <= mostBytes ? Buffer.concat(this.#line).toString() : '';
    this.#line = [];
    this.#bytes = 0;
    if (line.startsWith('data:')) this.#onText(line.slice(5).trim());
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes <= mostBytes) this.#line.push(part);
    else this.#line = [];
  }
}

/**
 * AWS's event stream: frames of total length, length of headers, checksum, headers, payload, checksum (numbers are big-endian).
 * The checksums are for who acts on the events; here they are only counted.
 */
class EventFrames implements MessageReader {
  #held: Buffer = Buffer.alloc(0);
  #isBroken = false;
  readonly #onText: (text: string) => void;

  constructor(onText: (text: string) => void) {
    this.#onText = onText;
  }

  push(chunk: Buffer): void {
    if (this.#isBroken) return;
    this.#held = Buffer.concat([this.#held, chunk]);
    while (this.#held.length >= 12) {
      const total = this.#held.readUInt32BE(0);
      const headers = this.#held.readUInt32BE(4);
      this.#isBroken = total > mostBytes || total < 16 + headers;
      if (this.#isBroken || this.#held.length < total) break;
      this.#onText(this.#held.subarray(12 + headers, total - 4).toString());
      this.#held = this.#held.subarray(total);
    }
    if (this.#isBroken) this.#held = Buffer.alloc(0);
  }

  end(): void {
    this.#held = Buffer.alloc(0);
  }
}
