import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { type Deferred, deferred } from '../kit/deferred.js';

type Maker = ChildProcessByStdio<Writable, Readable, null>;

/**
 * Makes the two FIFOs of a channel, which Node can't: `paddock-init --mkfifo -` does, one process for all sessions, because
 * starting one holds ours up for milliseconds. It is started when it is first needed, holds no process open, and ends with
 * ours, however that ends: its input ends then.
 */
export class PipeMaker {
  readonly #program: string;
  readonly #waiting: Deferred<undefined>[] = [];
  #maker: Maker | undefined;

  /** `program`: paddock-init, as a program of this host. */
  constructor(program: string) {
    this.#program = program;
  }

  /** `folder`/in and `folder`/out, mode 0600. Rejects with what went wrong; a later call begins anew. */
  async make(folder: string): Promise<void> {
    if (folder.includes('\n')) throw new Error('the name of the folder has a line break in it');
    const maker = (this.#maker ??= this.#start());
    const answer = deferred<undefined>();
    this.#waiting.push(answer);
    setHold(maker, true);
    maker.stdin.write(`${folder}\n`);
    await answer.promise;
  }

  #start(): Maker {
    const maker = spawn(this.#program, ['--mkfifo', '-'], { env: {}, cwd: '/', stdio: ['pipe', 'pipe', 'ignore'] });
    const failed = (error: Error) => {
      if (this.#maker !== maker) return;
      this.#maker = undefined;
      for (const answer of this.#waiting.splice(0)) answer.reject(error);
    };
    maker.once('error', failed);
    maker.once('close', (code, signal) => failed(new Error(`it ended (${code ?? signal ?? '?'})`)));
    maker.stdin.on('error', failed);
    createInterface({ input: maker.stdout }).on('line', (line) => {
      const answer = this.#waiting.shift();
      if (this.#waiting.length === 0) setHold(maker, false);
      if (line === '') answer?.resolve(undefined);
      else answer?.reject(new Error(line));
    });
    return maker;
  }
}

/** Only while somebody waits for an answer does it keep our process from ending. */
function setHold(maker: Maker, isHeld: boolean): void {
  const handles = [maker, maker.stdin, maker.stdout] as unknown as { ref(): void; unref(): void }[];
  for (const handle of handles) {
    if (isHeld) handle.ref();
    else handle.unref();
  }
}
