/**
 * Does several things at once, but never more than so many, also where one of them has several to do: what finds no free lane is
 * done in the one it is in. So as many folders are open as lanes times depth, and no wait is for something that waits itself.
 */
export class Lanes {
  #free: number;

  constructor(count: number) {
    this.#free = count - 1;
  }

  /** Resolves when all are done; rejects as the first that fails, once those that were begun are over. */
  async each<T>(items: Iterable<T>, run: (item: T) => Promise<void>): Promise<void> {
    const beside = new Set<Promise<void>>();
    const failures: unknown[] = [];
    const guarded = async (item: T) => run(item).catch((error: unknown) => void failures.push(error));
    for (const item of items) {
      if (failures.length > 0) break;
      if (this.#free === 0) {
        await guarded(item);
        continue;
      }
      this.#free -= 1;
      const running: Promise<void> = guarded(item).finally(() => {
        this.#free += 1;
        beside.delete(running);
      });
      beside.add(running);
    }
    await Promise.all(beside);
    if (failures.length > 0) throw failures[0];
  }
}
