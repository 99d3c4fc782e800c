import type { CapturedOutput, ExecRequest } from '../../core/exec.js';
import { CapturedStream } from '../../kit/captured-stream.js';

/**
 * Receives output as it comes; a returned promise holds the command back until it resolves. Nobody writes to a piece again, yet it may
 * be a small view of what came with it: what is kept of such a one is to be copied.
 */
export type OutputSink = (stream: 'stdout' | 'stderr', chunk: Buffer) => void | Promise<void>;

/** What a command has printed: kept within its caps, counted against its limit, and handed on as it comes. */
export class CommandOutput {
  readonly stdout: CapturedStream;
  readonly stderr: CapturedStream;
  readonly #limitBytes: number;
  readonly #sink: OutputSink | undefined;
  readonly #onLimit: () => void;

  constructor(request: ExecRequest, sink: OutputSink | undefined, onLimit: () => void) {
    this.stdout = new CapturedStream(request.outputCapBytes);
    this.stderr = new CapturedStream(request.outputCapBytes);
    this.#limitBytes = request.outputLimitBytes;
    this.#sink = sink;
    this.#onLimit = onLimit;
  }

  get totalBytes(): number {
    return this.stdout.totalBytes + this.stderr.totalBytes;
  }

  /** The promise, where there is one, resolves when the caller has taken the piece. */
  take(stream: 'stdout' | 'stderr', chunk: Buffer): void | Promise<void> {
    this[stream].write(chunk);
    if (this.totalBytes > this.#limitBytes) this.#onLimit();
    return this.#sink?.(stream, chunk);
  }

  /** The texts are made when they are asked for: a command that is kept for a while holds bytes only. */
  captured(): { readonly stdout: CapturedOutput; readonly stderr: CapturedOutput } {
    return { stdout: captured(this.stdout), stderr: captured(this.stderr) };
  }
}

function captured(stream: CapturedStream): CapturedOutput {
  return {
    get text() {
      return stream.text();
    },
    totalBytes: stream.totalBytes,
    droppedBytes: stream.droppedBytes,
  };
}
