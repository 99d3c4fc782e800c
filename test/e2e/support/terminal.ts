import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'vitest';
import { mainScript, type Place } from './place.js';

/** Paddock on a real terminal of 33 rows and 101 columns. */
export class OnTerminal implements AsyncDisposable {
  readonly child: ChildProcess;
  #shown = '';
  readonly #closed: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.child = child;
    this.#closed = once(child, 'close');
    child.stdin?.on('error', () => undefined);
    child.stdout?.on('data', (chunk: Buffer) => {
      this.#shown += chunk.toString();
    });
  }

  static start(place: Place, args: readonly string[], more: Readonly<Record<string, string>> = {}): OnTerminal {
    const program = join(place.root, 'terminal');
    execFileSync('gcc', ['-O1', '-o', program, join(import.meta.dirname, 'terminal.c'), '-lutil']);
    const argv = [process.execPath, mainScript, ...args];
    const child = spawn(program, argv, {
      env: { ...place.env, TERM: 'xterm', ...more },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    return new OnTerminal(child);
  }

  /** Everything that was shown so far. */
  get shown(): string {
    return this.#shown;
  }

  type(keys: string): void {
    this.child.stdin?.write(`type ${Buffer.from(keys).toString('hex')}\n`);
  }

  resize(rows: number, columns: number): void {
    this.child.stdin?.write(`size ${rows} ${columns}\n`);
  }

  /** Types keys, and waits until what they bring has been shown since. */
  async typeAndSee(keys: string, answer: RegExp): Promise<void> {
    const before = this.#shown.length;
    this.type(keys);
    await this.see(answer, before);
  }

  async see(what: RegExp, from = 0): Promise<void> {
    await expect.poll(() => this.#shown.slice(from), { timeout: 15_000 }).toMatch(what);
  }

  /** Takes the terminal away from whatever still runs on it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.#closed;
  }

  /** How it ended, and whether the terminal is as it was before. */
  async end(): Promise<{ status: number; areModesRestored: boolean }> {
    await this.#closed;
    const found = /modes (\w+)\nstatus (\d+)\n$/.exec(this.#shown);
    return { status: Number(found?.[2]), areModesRestored: found?.[1] === 'same' };
  }
}
