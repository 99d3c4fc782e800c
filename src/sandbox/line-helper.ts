import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { type Deferred, deferred } from '../kit/deferred.js';

/** What it is asked takes microseconds: whoever takes this long has been stopped. */
const defaultPatienceMs = 10_000;
/** The longest path, and words around it. */
const mostBytes = 4200;

export interface LineHelperOptions {
  readonly patienceMs?: number;
}

/** How often one line is tried that no helper has answered. */
const tries = 2;

/** Of a helper that has ended. `wasNext`: at the line that was asked, as far as we know; else it had not come to it. */
class HelperGone extends Error {
  readonly wasNext: boolean;

  constructor(cause: Error, wasNext: boolean) {
    super(cause.message, { cause });
    this.wasNext = wasNext;
  }
}

/**
 * A program that does on this host what Node can't, a line each, which it answers by an empty line or by what went wrong.
 * One process for all sessions, because starting one holds ours up for milliseconds. It is started when it is first needed,
 * holds no process open, and ends with ours, however that ends: its input ends then. When it ends before, whose line it was at
 * is told so, at the second time; those who only waited behind that are not.
 */
export class LineHelper {
  readonly #program: string;
  readonly #args: readonly string[];
  readonly #patienceMs: number;
  #helper: Helper | undefined;

  constructor(program: string, args: readonly string[], { patienceMs = defaultPatienceMs }: LineHelperOptions = {}) {
    this.#program = program;
    this.#args = args;
    this.#patienceMs = patienceMs;
  }

  /** Rejects with what went wrong, after 30 s at the latest. */
  async ask(line: string): Promise<void> {
    if (line.includes('\n')) throw new Error('what is asked has a line break in it');
    if (Buffer.byteLength(line) > mostBytes) throw new Error('what is asked is too long');
    const untilMs = performance.now() + tries * this.#patienceMs;
    for (let left = tries; ; ) {
      try {
        await (this.#helper ?? this.#start()).ask(line);
        return;
      } catch (error) {
        if (!(error instanceof HelperGone)) throw error;
        if (error.wasNext) left--;
        if (left === 0 || performance.now() >= untilMs) throw error;
      }
    }
  }

  #start(): Helper {
    const helper: Helper = new Helper(this.#program, this.#args, this.#patienceMs, () => {
      if (this.#helper === helper) this.#helper = undefined;
    });
    this.#helper = helper;
    return helper;
  }
}

/** One process and those who wait for it: answers come in the order of the questions. */
class Helper {
  readonly #child: ChildProcess;
  readonly #patienceMs: number;
  readonly #onOver: () => void;
  #timer: NodeJS.Timeout | undefined;
  readonly #waiting: Deferred<undefined>[] = [];
  #isOver = false;

  constructor(program: string, args: readonly string[], patienceMs: number, onOver: () => void) {
    this.#patienceMs = patienceMs;
    this.#onOver = onOver;
    // In a group of its own: Ctrl-C in a terminal is for us.
    const child = spawn(program, args, {
      ...{ env: {}, cwd: '/', detached: true },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#child = child;
    child.once('error', (error) => this.#finish(error));
    // Neither its exit nor that it takes no more is its end: what it answered before may still have to be read.
    child.once('close', (code, signal) => this.#finish(new Error(`it ended (${code ?? signal ?? '?'})`)));
    // Neither is there when no descriptor was left for them.
    (child.stdin as Writable | undefined)?.on('error', () => undefined);
    const answers = child.stdout as Readable | undefined;
    if (answers !== undefined) createInterface({ input: answers }).on('line', (line) => this.#onAnswer(line));
  }

  ask(line: string): Promise<void> {
    const answer = deferred<undefined>();
    this.#waiting.push(answer);
    if (this.#waiting.length === 1) this.#await();
    this.#hold(true);
    this.#child.stdin?.write(`${line}\n`);
    return answer.promise;
  }

  /** The time of a line begins when those before it have been answered. */
  #await(): void {
    clearTimeout(this.#timer);
    if (this.#waiting.length === 0) return;
    this.#timer = setTimeout(() => {
      this.#child.kill('SIGKILL');
      this.#finish(new Error(`it did not answer within ${this.#patienceMs} ms`));
    }, this.#patienceMs);
  }

  #onAnswer(line: string): void {
    if (this.#isOver) return;
    const answer = this.#waiting.shift();
    this.#await();
    if (this.#waiting.length === 0) this.#hold(false);
    if (line === '') answer?.resolve(undefined);
    else answer?.reject(new Error(line));
  }

  #finish(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#onOver();
    for (const [i, answer] of this.#waiting.splice(0).entries()) answer.reject(new HelperGone(error, i === 0));
    this.#hold(false);
  }

  /** Only while somebody waits for an answer does it keep our process from ending. */
  #hold(isHeld: boolean): void {
    const { stdin, stdout } = this.#child as unknown as Record<'stdin' | 'stdout', Holding | undefined>;
    for (const handle of [this.#child, stdin, stdout]) {
      if (isHeld) handle?.ref();
      else handle?.unref();
    }
  }
}

interface Holding {
  ref(): void;
  unref(): void;
}
