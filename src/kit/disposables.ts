/**
 * Things acquired one after the other and given back in reverse, all of them, whatever fails on the way.
 * Node 20 lacks `AsyncDisposableStack`. The first failure is rethrown with the others as `errors` of its AggregateError.
 */
export class Disposables implements AsyncDisposable {
  #steps: (() => PromiseLike<void> | void)[] = [];

  /** Registers what undoes something; returns nothing to hold. */
  defer(step: () => PromiseLike<void> | void): void {
    this.#steps.push(step);
  }

  use<T extends AsyncDisposable>(resource: T): T {
    this.#steps.push(() => resource[Symbol.asyncDispose]());
    return resource;
  }

  /** Gives up ownership: what was acquired stays, and the caller now owns it through the returned stack. */
  move(): Disposables {
    const other = new Disposables();
    other.#steps = this.#steps;
    this.#steps = [];
    return other;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const steps = this.#steps.reverse();
    this.#steps = [];
    const errors: unknown[] = [];
    for (const step of steps) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, 'several things could not be given back');
  }
}
