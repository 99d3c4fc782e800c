import { setImmediate as turn } from 'node:timers/promises';
import { vi } from 'vitest';

/** Counts what is read between two turns of others, by a clock that goes on with each look at it: whatever the machine, each look is a millisecond. */
export class AtOnce {
  /** The most things that were read without a turn in between. */
  most = 0;
  /** How often others had one. */
  turns = 0;
  #now = 0;

  /** The same with a path that notes when it is read. */
  noting<T extends object>(path: string, rest: T): T & { readonly path: string } {
    const note = () => this.note();
    return {
      ...rest,
      get path() {
        note();
        return path;
      },
    };
  }

  note(): void {
    this.#now += 1;
    this.most = Math.max(this.most, this.#now);
  }

  async during<T>(run: () => Promise<T>): Promise<T> {
    let nowMs = performance.now();
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
      nowMs += 1;
      return nowMs;
    });
    const running = run();
    const state = { isOver: false };
    void running
      .catch(() => undefined)
      .finally(() => {
        state.isOver = true;
      });
    try {
      while (!state.isOver) {
        await turn();
        this.#now = 0;
        this.turns += 1;
      }
      return await running;
    } finally {
      clock.mockRestore();
    }
  }
}
