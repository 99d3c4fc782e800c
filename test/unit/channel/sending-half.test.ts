import { describe, expect, it } from 'vitest';
import { encodeInput, encodeInputEnd } from '../../../src/channel/encode.js';
import { Outbox } from '../../../src/channel/outbox.js';
import { channelSize } from '../../../src/channel/protocol.js';
import { SendingHalf } from '../../../src/channel/sending-half.js';
import { MemoryLink } from './support/memory-link.js';

const { MAX_DATA, INPUT_WINDOW } = channelSize;

/** Keeps what it was given, and says that a frame was taken when it is asked to. */
class LateLink extends MemoryLink {
  readonly #taken: (() => void)[] = [];

  override write(bytes: Buffer, onTaken?: () => void): void {
    super.write(bytes);
    if (onTaken !== undefined) this.#taken.push(onTaken);
  }

  takeAll(): void {
    for (const taken of this.#taken.splice(0)) taken();
  }
}

function opened() {
  const link = new LateLink();
  const frames = {
    data: (bytes: Uint8Array, spare?: Buffer) => encodeInput(1, bytes, spare),
    end: () => encodeInputEnd(1),
  };
  const half = new SendingHalf(new Outbox(link, () => undefined), frames, INPUT_WINDOW);
  const piece = (byte: number, bytes: number = MAX_DATA) => half.write(Buffer.alloc(bytes, byte));
  return { link, half, piece };
}

describe('bytes on their way to a command', () => {
  it('come in a frame that is used again only when the link has taken it', async () => {
    const { link, piece } = opened();
    await piece(1);
    await piece(2);
    expect(link.written.map((frame) => frame.at(-1))).toEqual([1, 2]);
    link.takeAll();
    await piece(3);
    expect(link.written[2]).toBe(link.written[1]);
    await piece(4);
    expect(link.written.map((frame) => frame.at(-1))).toEqual([1, 3, 3, 4]);
  });

  it('are as many as were written, also behind a frame that was longer', async () => {
    const { link, piece } = opened();
    await piece(1);
    link.takeAll();
    await piece(2, 3);
    expect(link.written[1]?.subarray(channelSize.HEADER_BYTES)).toEqual(Buffer.alloc(3, 2));
    expect(link.written[1]?.readUInt32LE(0)).toBe(3);
  });
});
