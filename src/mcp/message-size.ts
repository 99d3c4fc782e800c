import { StructureCount } from '../kit/structure-count.js';

/** What one message may have at most, however it comes. */
export interface MessageBounds {
  readonly bytes: number;
  /** Lists, objects and items. */
  readonly items: number;
  /** Of the names of all members. */
  readonly nameBytes: number;
}

export const usualMessageBounds: MessageBounds = {
  // 8 MiB of standard input for a command, escaped, and room to spare.
  bytes: 24 * 1024 * 1024,
  // A few MiB of `{"a":0,"b":0,…}` hold a server up for seconds and take a gigabyte, before any schema says no. The largest call, a command of as many words and
  // variables as there may be, has about 6000.
  items: 16_384,
  // What refuses a name that it does not know says it, in a list, in words and again in what these are put into, which is seconds and hundreds of megabytes for one
  // of 24 MiB. The variables and labels of a session have a quarter of that.
  nameBytes: 512 * 1024,
};

/** Measures one message as its bytes come by, before anything parses it. */
export class MessageSize {
  readonly #bounds: MessageBounds;
  readonly #structure = new StructureCount();
  #bytes = 0;

  constructor(bounds: MessageBounds) {
    this.#bounds = bounds;
  }

  /** Which bound it is beyond with this piece; then no more of it has to be measured. */
  add(piece: Buffer): keyof MessageBounds | undefined {
    const { bytes, items, nameBytes } = this.#bounds;
    this.#bytes += piece.length;
    if (this.#bytes > bytes) return 'bytes';
    this.#structure.push(piece);
    if (this.#structure.count > items) return 'items';
    return this.#structure.nameBytes > nameBytes ? 'nameBytes' : undefined;
  }
}

/** For whoever sent one beyond that. */
export function boundText(bounds: MessageBounds, what: keyof MessageBounds): string {
  const units = { bytes: 'bytes', items: 'lists, objects and items', nameBytes: 'bytes of names' } as const;
  return `a message has at most ${bounds[what]} ${units[what]}`;
}
