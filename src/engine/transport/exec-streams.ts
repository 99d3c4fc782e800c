import { Readable, Writable } from 'node:stream';
import { EngineError } from '../../core/errors.js';
import { deferred } from '../../kit/deferred.js';
import type { ExecStreams } from '../types.js';
import { systemCode, transportError } from './failures.js';
import { FrameReader } from './frames.js';
import type { RawConnection } from './hijack.js';
import { writeDirectly } from './hijacked-socket.js';

/** One output: asks for more through `onDemand` once its reader has taken what it holds (64 KiB at most, and one chunk). */
class Output extends Readable {
  readonly #onDemand: (output: Output) => void;

  constructor(onDemand: (output: Output) => void) {
    super({ highWaterMark: 64 * 1024 });
    this.#onDemand = onDemand;
    this.on('close', () => onDemand(this));
  }

  override _read(): void {
    this.#onDemand(this);
  }
}

/**
 * The three streams of an exec over one connection, which is not read while either output is full. Both outputs end when the connection does, broken or not, so that nothing received is lost: only
 * `closed` tells the two apart.
 */
export class HijackedStreams implements ExecStreams {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly closed: Promise<void>;
  readonly #raw: RawConnection;
  readonly #frames: FrameReader | undefined;
  readonly #outputs: { readonly stdout: Output; readonly stderr: Output };
  readonly #full = new Set<Output>();
  readonly #settled = deferred<undefined>();
  #isOver = false;

  constructor(raw: RawConnection, options: { readonly tty: boolean }) {
    this.#raw = raw;
    this.#frames = options.tty ? undefined : new FrameReader();
    this.#outputs = { stdout: new Output(this.#onDemand), stderr: new Output(this.#onDemand) };
    this.stdout = this.#outputs.stdout;
    this.stderr = this.#outputs.stderr;
    if (options.tty) this.#outputs.stderr.push(null);
    this.stdin = this.#makeStdin();
    this.closed = this.#settled.promise.then(() => undefined);
    this.closed.catch(() => undefined);
    raw.readable.on('data', (chunk: Buffer) => this.#onData(chunk));
    raw.readable.on('end', () => this.#finish());
    raw.readable.on('error', (error) => this.#onBroken(error));
    raw.readable.on('close', () => this.#finish());
    raw.readable.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end(new EngineError('INTERRUPTED', 'the streams of the exec were dropped before it had ended'));
    this.stdout.destroy();
    this.stderr.destroy();
    await this.closed.catch(() => undefined);
  }

  readonly #onDemand = (output: Output): void => {
    this.#full.delete(output);
    if (this.#full.size > 0 || this.#isOver) return;
    this.#raw.readable.resume();
  };

  #onData(chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      if (this.#frames)
        for (const { stream, bytes } of this.#frames.push(chunk)) this.#deliver(this.#outputs[stream], bytes);
      else this.#deliver(this.#outputs.stdout, chunk);
    } catch (thrown) {
      this.#end(transportError(thrown, 'exec stream'));
      return;
    }
    if (this.#full.size > 0) this.#raw.readable.pause();
  }

  #deliver(output: Output, bytes: Buffer): void {
    // A reader that destroyed its stream does not want it; the other one goes on.
    if (output.destroyed) return;
    if (!output.push(bytes)) this.#full.add(output);
  }

  #onBroken(error: Error): void {
    const code = systemCode(error);
    // The kernel reports a reset instead of an end when the engine closed with our stdin unread: the process ended early.
    if (code === 'ECONNRESET' || code === 'EPIPE') this.#finish();
    else this.#end(transportError(error, 'exec stream'));
  }

  #finish(): void {
    const isWhole = this.#frames?.isAtBoundary ?? true;
    this.#end(isWhole ? undefined : truncated());
  }

  #end(error: EngineError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#raw.destroy();
    this.stdin.destroy();
    const outputs = [this.#outputs.stdout, this.#outputs.stderr];
    for (const output of outputs) if (!output.readableEnded && !output.destroyed) output.push(null);
    const ended = outputs.map(
      (output) => new Promise((done) => (output.closed ? done(0) : output.once('close', done))),
    );
    void Promise.all(ended).then(() => (error ? this.#settled.reject(error) : this.#settled.resolve(undefined)));
  }

  #makeStdin(): Writable {
    const target = this.#raw.writable;
    const stdin: Writable = new Writable({
      highWaterMark: 64 * 1024,
      write: (chunk: Buffer, _encoding, done) => {
        if (!target) done(new EngineError('ENGINE_PROTOCOL', 'the engine did not open a way in for stdin'));
        else writeDirectly(target, chunk, (isOpen) => settleWrite(stdin, isOpen, done));
      },
      final: (done) => {
        if (!target || target.destroyed) done();
        else target.end(() => done());
      },
    });
    stdin.on('error', () => undefined);
    return stdin;
  }
}

/** A process that ends without reading its stdin is no failure: the stream closes, and later writes are told so. */
function settleWrite(stdin: Writable, isOpen: boolean, done: () => void): void {
  done();
  if (!isOpen) stdin.destroy();
}

/**
 * Podman itself may do this (or put an error text into a frame) when a process ends with its stdin unread: the output is
 * incomplete then, but the exit code can be had.
 */
function truncated(): EngineError {
  return new EngineError('ENGINE_PROTOCOL', 'the exec stream ended within a frame', { info: { truncated: true } });
}
