import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';

/** Swaps a folder for a link to another one and back, as fast as it can, at each of the given places, until it is killed. */
const swapper = `
const { mkdirSync, renameSync, symlinkSync } = require('node:fs');
const [outside, ...places] = process.argv.slice(1);
for (const place of places) symlinkSync(outside, place + '.link');
process.stdout.write('swaps');
for (;;) {
  for (const place of places) {
    try {
      renameSync(place, place + '.folder');
      renameSync(place + '.link', place);
      renameSync(place, place + '.link');
      renameSync(place + '.folder', place);
    } catch {
      // Somebody has made a folder there meanwhile.
      try { mkdirSync(place, { recursive: true }); } catch {}
    }
  }
}`;

/** A process that swaps folders for links to `outside`. Disposing ends it. */
export class Swapping implements AsyncDisposable {
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Looks while nobody swaps: whoever looks by paths would be led outside as well. */
  async whileStill<T>(look: () => T): Promise<T> {
    const { pid } = this.#child;
    this.#child.kill('SIGSTOP');
    while (!/\) T /.test(readFileSync(`/proc/${pid ?? 0}/stat`, 'latin1'))) await setImmediate();
    const found = look();
    this.#child.kill('SIGCONT');
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }
}

/** Resolves when it has begun. */
export async function swapping(outside: string, places: readonly string[]): Promise<Swapping> {
  const child = spawn(process.execPath, ['-e', swapper, outside, ...places], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return new Swapping(child);
}
