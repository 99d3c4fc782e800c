/** How the bytes to and from process 1 stopped: its end closed, or something failed on the way, or `close` was called. */
export interface LinkEnd {
  readonly why: 'ended' | 'failed' | 'closed';
  readonly message: string;
}

export interface LinkReader {
  /** The chunk is the link's again when this returns. */
  onChunk(chunk: Buffer): void;
  /** Room again for what is written. */
  onDrain(): void;
}

/**
 * A pair of byte streams to process 1. Reading never pauses: the rules of the channel bound what may come. It belongs
 * to the channel that is opened on it, which closes it.
 */
export interface ChannelLink extends AsyncDisposable {
  /** Whether bytes of an older conversation may come first (the FIFOs of a detached sandbox). */
  readonly resumes: boolean;
  /** Starts reading; called once. */
  read(reader: LinkReader): void;
  /** Always takes it; the bytes belong to the link until it calls `onTaken`, which a link that is over need not do. */
  write(bytes: Buffer, onTaken?: () => void): void;
  /** False while what was written waits: data has to wait then too. */
  readonly isWritable: boolean;
  /** Written and not yet taken by the kernel. */
  readonly pendingBytes: number;
  /** Process 1 is there: lets go of whatever stood in for it. Throws when that fails. */
  confirm(): Promise<void>;
  /** Never rejects; nothing is open any more then. */
  readonly closed: Promise<LinkEnd>;
  close(): void;
}
