import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';

/** How often the tests with somebody who swaps folders look; `scripts/test --soak` wants 500 rounds. */
export const swapRounds = Number(process.env['PADDOCK_SWAP_ROUNDS'] ?? 50);
/** For what has to be met in some of them, and is left to chance. */
export const mostSwapRounds = Math.max(swapRounds, 150);

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
export class Swapper implements AsyncDisposable {
  readonly #child: ChildProcess;

  constructor(outside: string, places: readonly string[]) {
    this.#child = spawn(process.execPath, ['-e', swapper, outside, ...places], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  async begun(): Promise<void> {
    await once(this.#child.stdout!, 'data');
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
