import type { ChannelLink, LinkEnd, LinkReader } from '../../../../src/channel/link.js';

/** A link without a kernel: what is fed comes at once, what is written is counted. */
export class MemoryLink implements ChannelLink {
  readonly resumes = false;
  readonly closed: Promise<LinkEnd>;
  readonly written: Buffer[] = [];
  /** False: what is written waits. */
  isWritable = true;
  pendingBytes = 0;
  isClosed = false;
  #reader: LinkReader | undefined;
  #onClosed: (end: LinkEnd) => void = () => undefined;

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
  }

  read(reader: LinkReader): void {
    this.#reader = reader;
  }

  feed(bytes: Buffer): void {
    if (!this.isClosed) this.#reader?.onChunk(bytes);
  }

  write(bytes: Buffer): void {
    if (!this.isWritable) this.pendingBytes += bytes.length;
    this.written.push(bytes);
  }

  /** What waited is gone. */
  drain(): void {
    this.isWritable = true;
    this.pendingBytes = 0;
    this.#reader?.onDrain();
  }

  confirm(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.#onClosed({ why: 'closed', message: 'this side closed it' });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}
