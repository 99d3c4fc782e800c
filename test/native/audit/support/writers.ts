import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { expect } from 'vitest';
import { TornParts } from './torn-parts.js';

export interface Writer {
  readonly child: ChildProcessByStdio<null, Readable, null>;
  readonly printed: string[];
}

/** Processes that write to one log, of which one is killed at a time while the others write on. */
export class Writers {
  readonly torn: TornParts;
  readonly #command: readonly string[];
  readonly #more: readonly string[];
  readonly #alive = new Set<Writer>();
  #tornCount = 0;
  #begun = 0;
  #kills = 0;
  #turn: Promise<unknown> = Promise.resolve();

  /** `program`: writer-process.ts, compiled; `more`: what it is given behind its mode. */
  constructor(program: string, path: string, more: readonly string[]) {
    this.torn = new TornParts(path);
    this.#command = [program, path, '0'];
    this.#more = more;
  }

  /** One that has begun to write; every second with an anchor and under the key of a session. */
  async start(): Promise<Writer> {
    const writer = await this.#alone(() => Promise.resolve(this.#spawn()));
    await once(writer.child.stdout, 'data');
    return writer;
  }

  /** What it took for written, by its ids. It leaves one part of a record at most, and every third of them does. */
  async kill(writer: Writer): Promise<string[]> {
    const { child, printed } = writer;
    await this.#alone(async () => {
      expect(child.exitCode, 'a writer ended by itself').toBeNull();
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
      this.#alive.delete(writer);
      await this.#atStandstill(() => this.#look());
    });
    return printed
      .join('')
      .split('\n')
      .filter((line) => line.includes('.'));
  }

  async #look(): Promise<void> {
    const count = await this.torn.count();
    expect(count - this.#tornCount, 'more than one part of a record after one kill').toBeLessThanOrEqual(1);
    this.#kills += 1;
    this.#tornCount = count;
    // A kill seldom cuts a write short (none of 200 did): now and then what one leaves is put there, for the others to find.
    if (this.#kills % 3 > 0 || !(await this.torn.plant())) return;
    this.#tornCount += 1;
    expect(await this.torn.count()).toBe(this.#tornCount);
  }

  #spawn(): Writer {
    this.#begun += 1;
    const mode = this.#begun % 2 === 0 ? 'sealed' : 'told';
    const child = spawn(process.execPath, [...this.#command, mode, ...this.#more], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const writer: Writer = { child, printed: [] };
    child.stdout.on('data', (chunk: Buffer) => writer.printed.push(chunk.toString()));
    this.#alive.add(writer);
    return writer;
  }

  /** A process stops between its writes to a file, and only death cuts one short: who is stopped is not in the middle of one. */
  async #atStandstill<T>(look: () => Promise<T>): Promise<T> {
    const others = [...this.#alive].map(({ child }) => child);
    for (const child of others) child.kill('SIGSTOP');
    try {
      for (const { pid = 0 } of others)
        await expect.poll(() => isStopped(pid), { interval: 1, timeout: 20_000 }).toBe(true);
      return await look();
    } finally {
      for (const child of others) child.kill('SIGCONT');
    }
  }

  #alone<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(step);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/** With all its threads. */
async function isStopped(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`);
  const stats = await Promise.all(threads.map((id) => readFile(`/proc/${pid}/task/${id}/stat`, 'utf8')));
  return stats.every((stat) => stat.slice(stat.lastIndexOf(')') + 2).startsWith('T'));
}
