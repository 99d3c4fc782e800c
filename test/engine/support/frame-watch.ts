import type { FifoLinkOptions } from '../../../src/channel/fifo-link.js';
import type { ChannelLink, LinkReader } from '../../../src/channel/link.js';
import { PipeMaker } from '../../../src/sandbox/pipe-maker.js';
import { FrameStreams } from './frame-streams.js';
import { spellingsOf } from './spellings.js';

/**
 * Looks for texts, however they are spelled, in what the frames of channels carry. Each stream is put together from its frames: a text of which the
 * beginning ends one frame and the rest begins the next would not stand anywhere in one piece. Only the end of each is kept: agents move megabytes.
 */
export class FrameWatch {
  readonly #spellings: ReadonlyMap<string, readonly string[]>;
  readonly #keptBytes: number;
  readonly #seen = new Set<string>();
  #bytes = 0;
  #unread: Error | undefined;

  constructor(texts: readonly string[]) {
    this.#spellings = new Map(texts.map((text) => [text, spellingsOf(text)]));
    const all = [...this.#spellings.values()].flat();
    this.#keptBytes = Math.max(...all.map((spelling) => Buffer.byteLength(spelling))) - 1;
  }

  /** How much went by: nothing is found where nothing is heard. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Those texts of its own that went by, in the order in which they were given. Throws where it could not read all of it. */
  get seen(): readonly string[] {
    if (this.#unread !== undefined) throw this.#unread;
    return [...this.#spellings.keys()].filter((text) => this.#seen.has(text));
  }

  /** One way of one link, from its beginning, piece by piece. */
  ear(): (piece: Buffer) => void {
    const frames = new FrameStreams();
    const ends = new Map<string, Buffer>();
    return (piece) => {
      this.#bytes += piece.length;
      try {
        for (const { name, bytes } of frames.pieces(piece)) ends.set(name, this.#heard(ends.get(name), bytes));
      } catch (thrown) {
        // Not the link's to hear: the test is told when it asks.
        this.#unread ??= new Error('a channel’s frames could not be told apart', { cause: thrown });
      }
    };
  }

  /** What to keep of a stream, in a copy: the piece is the link's again. */
  #heard(before: Buffer | undefined, bytes: Buffer): Buffer {
    const whole = before === undefined ? bytes : Buffer.concat([before, bytes]);
    for (const [text, spellings] of this.#spellings) {
      if (spellings.some((spelling) => whole.includes(spelling))) this.#seen.add(text);
    }
    return Buffer.from(whole.subarray(Math.max(0, whole.length - this.#keptBytes)));
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
