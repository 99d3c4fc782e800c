import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { type Deferred, deferred } from '../kit/deferred.js';

/** What it is asked takes microseconds: whoever takes this long has been stopped. */
const defaultPatienceMs = 10_000;

export interface LineHelperOptions {
  readonly patienceMs?: number;
}

/**
 * A program that does on this host what Node can't, a line each, which it answers by an empty line or by what went wrong.
 * One process for all sessions, because starting one holds ours up for milliseconds. It is started when it is first needed,
 * holds no process open, and ends with ours, however that ends: its input ends then.
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

  /** Rejects with what went wrong, after 20 s at the latest. */
  async ask(line: string): Promise<void> {
    if (line.includes('\n')) throw new Error('what is asked has a line break in it');
    const known = this.#helper;
    try {
      await (known ?? this.#start()).ask(line, this.#patienceMs);
    } catch (error) {
      // One that was killed or stopped says nothing of this line: another may do better, once.
      if (known?.isOver !== true) throw error;
      await (this.#helper ?? this.#start()).ask(line, this.#patienceMs);
    }
  }

  #start(): Helper {
    const helper: Helper = new Helper(this.#program, this.#args, () => {
      if (this.#helper === helper) this.#helper = undefined;
    });
    this.#helper = helper;
    return helper;
  }
}

/** One process and those who wait for it: answers come in the order of the questions. */
class Helper {
  readonly #child: ChildProcess;
  readonly #onOver: () => void;
  readonly #waiting: Deferred<undefined>[] = [];
  #isOver = false;

  constructor(program: string, args: readonly string[], onOver: () => void) {
    this.#onOver = onOver;
    // In a group of its own: Ctrl-C in a terminal is for us.
    const child = spawn(program, args, {
      ...{ env: {}, cwd: '/', detached: true },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#child = child;
    child.once('error', (error) => this.#finish(error));
    child.once('exit', (code, signal) => this.#finish(new Error(`it ended (${code ?? signal ?? '?'})`)));
    // Neither is there when no descriptor was left for them.
    (child.stdin as Writable | undefined)?.on('error', (error) => this.#finish(error));
    const answers = child.stdout as Readable | undefined;
    if (answers !== undefined) createInterface({ input: answers }).on('line', (line) => this.#onAnswer(line));
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  async ask(line: string, forMs: number): Promise<void> {
    const answer = deferred<undefined>();
    this.#waiting.push(answer);
    this.#hold(true);
    this.#child.stdin?.write(`${line}\n`);
    const timer = setTimeout(() => {
      this.#child.kill('SIGKILL');
      this.#finish(new Error(`it did not answer within ${forMs} ms`));
    }, forMs);
    try {
      await answer.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #onAnswer(line: string): void {
    if (this.#isOver) return;
    const answer = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#hold(false);
    if (line === '') answer?.resolve(undefined);
    else answer?.reject(new Error(line));
  }

  #finish(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onOver();
    for (const answer of this.#waiting.splice(0)) answer.reject(error);
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
