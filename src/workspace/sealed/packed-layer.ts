import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PaddockError } from '../../core/errors.js';
import type { OpenFolder } from '../../kit/open-folder.js';
import { isNoProgram } from '../../kit/run-with-folders.js';

const mostWords = 4096;

/** What paddock-init takes. */
export interface PackOptions {
  /** paddock-init, as a program of this host: Node finds no holes, reads no attributes and makes no marks. */
  readonly program: string;
  readonly signal: AbortSignal;
}

/**
 * All that is in a layer as a tar stream (src/init/layer-pack.h), of which nobody may write to anything meanwhile. Where it is not whole it ends with
 * an error. Errors: SNAPSHOT_FAILED, INIT_MISSING, an AbortError.
 */
export async function* packedLayer(
  from: OpenFolder,
  options: PackOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  await using run = new PackRun('--pack-layer', from, options);
  try {
    for await (const piece of run.child.stdout as Readable) yield piece as Buffer;
  } catch (cause) {
    throw run.failed(cause);
  }
  await run.expectWhole();
}

/** The same back into an empty folder of ours. What was made of it stays when it fails. Errors as above, and those of `packed`. */
export async function unpackLayer(
  packed: AsyncIterable<Uint8Array>,
  to: OpenFolder,
  options: PackOptions,
): Promise<void> {
  await using run = new PackRun('--unpack-layer', to, options);
  let why: { readonly error: unknown } | undefined;
  async function* watched() {
    try {
      yield* packed;
    } catch (error) {
      why = { error };
      throw error;
    }
  }
  // One that reads no further says why.
  await pipeline(Readable.from(watched(), { objectMode: false }), run.child.stdin as NodeJS.WritableStream).catch(
    () => undefined,
  );
  if (why !== undefined) throw why.error;
  await run.expectWhole();
}

class PackRun implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly #ended: Promise<[number | null]>;
  readonly #options: PackOptions;
  #words = '';

  constructor(mode: '--pack-layer' | '--unpack-layer', folder: OpenFolder, options: PackOptions) {
    this.#options = options;
    const { program, signal } = options;
    signal.throwIfAborted();
    const isPack = mode === '--pack-layer';
    this.child = spawn(program, [mode], {
      // In a group of its own: Ctrl-C in a terminal is for us.
      ...{ env: {}, cwd: '/', detached: true, signal, killSignal: 'SIGKILL' },
      stdio: [isPack ? 'ignore' : 'pipe', isPack ? 'pipe' : 'ignore', 'pipe', folder.fd],
    });
    this.#ended = once(this.child, 'close') as Promise<[number | null]>;
    this.#ended.catch(() => undefined);
    this.child.stderr?.on('data', (piece: Buffer) => {
      this.#words = (this.#words + piece.toString('latin1')).slice(-mostWords);
    });
  }

  async expectWhole(): Promise<void> {
    try {
      const [code] = await this.#ended;
      if (code === 0 && /^ok \d+ \d+$/m.test(this.#words)) return;
    } catch (cause) {
      throw this.failed(cause);
    }
    throw this.failed();
  }

  failed(cause?: unknown): PaddockError {
    this.#options.signal.throwIfAborted();
    if (isNoProgram(cause)) {
      return new PaddockError(
        'INIT_MISSING',
        `${this.#options.program} can not be run, and nothing else packs what a session has written`,
        { cause },
      );
    }
    const why = this.#words.trim().slice(0, 200);
    return new PaddockError('SNAPSHOT_FAILED', `what the session has written could not be packed: ${why}`, { cause });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.#ended.catch(() => undefined);
  }
}
