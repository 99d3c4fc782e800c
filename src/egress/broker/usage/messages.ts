import type { Json } from '../../../policy/json.js';
import { Gathered } from '../gathered.js';

/** Reads the JSON messages out of a copy of an answer, as its bytes come by. Never throws, and never holds more than it says. */
export interface MessageReader {
  push(chunk: Buffer): void;
  end(): void;
}

/** Past this an answer, or one event of it, is not looked into. */
const mostBytes = 8 * 1024 * 1024;
/** Past this a frame is none: those of a model hold a few words each. */
const mostFrameBytes = 1024 * 1024;

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
  readonly #held = new Gathered();
  #isTooLarge = false;
  readonly #onText: (text: string) => void;

  constructor(onText: (text: string) => void) {
    this.#onText = onText;
  }

  push(chunk: Buffer): void {
    this.#isTooLarge ||= this.#held.length + chunk.length > mostBytes;
    if (this.#isTooLarge) this.#held.clear();
    else this.#held.push(chunk);
  }

  end(): void {
    if (!this.#isTooLarge) this.#onText(this.#held.bytes.toString());
    this.#held.clear();
  }
}

/** Server-sent events whose `data` is one line, as all of these APIs have it. */
class EventLines implements MessageReader {
  readonly #line = new Gathered();
  #isTooLarge = false;
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
    const line = this.#isTooLarge ? '' : this.#line.bytes.toString();
    this.#line.drop(this.#line.length);
    this.#isTooLarge = false;
    if (line.startsWith('data:')) this.#onText(line.slice(5).trim());
  }

  #keep(part: Buffer): void {
    this.#isTooLarge ||= this.#line.length + part.length > mostBytes;
    if (this.#isTooLarge) this.#line.clear();
    else this.#line.push(part);
  }
}

/**
 * AWS's event stream: frames of total length, length of headers, checksum, headers, payload, checksum (numbers are big-endian).
 * The checksums are for who acts on the events; here they are only counted.
 */
class EventFrames implements MessageReader {
  readonly #held = new Gathered();
  #isBroken = false;
  readonly #onText: (text: string) => void;

  constructor(onText: (text: string) => void) {
    this.#onText = onText;
  }

  push(chunk: Buffer): void {
    if (this.#isBroken) return;
    this.#held.push(chunk);
    const { bytes } = this.#held;
    let from = 0;
    while (bytes.length - from >= 12) {
      const total = bytes.readUInt32BE(from);
      const headers = bytes.readUInt32BE(from + 4);
      this.#isBroken = total > mostFrameBytes || total < 16 + headers;
      if (this.#isBroken || bytes.length - from < total) break;
      this.#onText(bytes.subarray(from + 12 + headers, from + total - 4).toString());
      from += total;
    }
    if (this.#isBroken) this.#held.clear();
    // Once for all frames of a piece: each one by itself moves what follows it again.
    else if (from > 0) this.#held.drop(from);
  }

  end(): void {
    this.#held.clear();
  }
}
