import type { FifoLinkOptions } from '../../../src/channel/fifo-link.js';
import type { ChannelLink, LinkReader } from '../../../src/channel/link.js';
import { PipeMaker } from '../../../src/sandbox/pipe-maker.js';
import { spellingsOf } from './spellings.js';

/** Looks for texts, however they are spelled, in what goes by, of which it keeps the end alone: agents move megabytes. */
export class FrameWatch {
  readonly #spellings: ReadonlyMap<string, readonly string[]>;
  readonly #keptBytes: number;
  readonly #seen = new Set<string>();
  #bytes = 0;

  constructor(texts: readonly string[]) {
    this.#spellings = new Map(texts.map((text) => [text, spellingsOf(text)]));
    const all = [...this.#spellings.values()].flat();
    this.#keptBytes = Math.max(...all.map((spelling) => Buffer.byteLength(spelling))) - 1;
  }

  /** How much went by: nothing is found where nothing is heard. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Those texts of its own that went by, in the order in which they were given. */
  get seen(): readonly string[] {
    return [...this.#spellings.keys()].filter((text) => this.#seen.has(text));
  }

  /** One way of one link, piece by piece. */
  ear(): (piece: Buffer) => void {
    let before = Buffer.alloc(0);
    return (piece) => {
      this.#bytes += piece.length;
      // A copy: the piece is the link's again.
      const whole = Buffer.concat([before, piece]);
      for (const [text, spellings] of this.#spellings) {
        if (spellings.some((spelling) => whole.includes(spelling))) this.#seen.add(text);
      }
      before = Buffer.from(whole.subarray(Math.max(0, whole.length - this.#keptBytes)));
    };
  }
}

/** Pipes whose every byte goes by a watch, both ways. */
export class WatchedPipes extends PipeMaker {
  readonly #watch: FrameWatch;

  constructor(program: string, watch: FrameWatch) {
    super(program);
    this.#watch = watch;
  }

  override async open(folder: string, options: FifoLinkOptions): Promise<ChannelLink> {
    return watched(await super.open(folder, options), this.#watch);
  }
}

function watched(link: ChannelLink, watch: FrameWatch): ChannelLink {
  const [read, written] = [watch.ear(), watch.ear()];
  const heard = (reader: LinkReader): LinkReader => ({
    onChunk(chunk) {
      read(chunk);
      reader.onChunk(chunk);
    },
    onDrain: () => reader.onDrain(),
  });
  return new Proxy(link, {
    get(target, name): unknown {
      if (name === 'read') return (reader: LinkReader) => target.read(heard(reader));
      if (name === 'write') {
        return (bytes: Buffer, onTaken?: () => void) => {
          written(bytes);
          target.write(bytes, onTaken);
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
