import type * as fifoLink from '../../../src/channel/fifo-link.js';
import type { ChannelLink, LinkReader } from '../../../src/channel/link.js';

/** The module with links that put every byte, both ways, into `frames` as well. */
export function recordedBy(frames: Buffer[], original: typeof fifoLink): typeof fifoLink {
  const heard = (reader: LinkReader): LinkReader => ({
    onChunk(chunk) {
      frames.push(Buffer.from(chunk));
      reader.onChunk(chunk);
    },
    onDrain() {
      reader.onDrain();
    },
  });
  const recorded = (link: ChannelLink): ChannelLink =>
    new Proxy(link, {
      get(target, name): unknown {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...words: readonly unknown[]): unknown => {
          const [first] = words;
          if (name === 'write') frames.push(Buffer.from(first as Buffer));
          return Reflect.apply(value, target, name === 'read' ? [heard(first as LinkReader)] : words);
        };
      },
    });
  return { ...original, openFifoLink: async (...words) => recorded(await original.openFifoLink(...words)) };
}
