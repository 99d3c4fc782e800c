import type { AppHeard } from './app.js';

/** Passes what an app lets be heard on to those who come after it was made. */
export class Hearing implements AppHeard {
  readonly #listeners: Partial<AppHeard>[];

  constructor(first?: Partial<AppHeard>) {
    this.#listeners = first === undefined ? [] : [first];
  }

  listen(listener: Partial<AppHeard>): void {
    this.#listeners.push(listener);
  }

  readonly onRecord: AppHeard['onRecord'] = (record) => {
    for (const listener of this.#listeners) listener.onRecord?.(record);
  };

  readonly onCall: AppHeard['onCall'] = (call) => {
    for (const listener of this.#listeners) listener.onCall?.(call);
  };

  readonly onForward: AppHeard['onForward'] = (state) => {
    for (const listener of this.#listeners) listener.onForward?.(state);
  };
}
