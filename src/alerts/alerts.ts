import { Disposables } from '../kit/disposables.js';
import type { Alarm } from '../monitor/alarms/alarm.js';
import type { Outlet } from './outlet.js';

/** Sends alarms on to every outlet, from a level on. Disposing gives what is under way a moment. */
export class Alerts implements Outlet {
  readonly #outlets: readonly Outlet[];
  readonly #level: Alarm['level'];
  readonly #stack = new Disposables();

  constructor(outlets: readonly Outlet[], level: Alarm['level']) {
    this.#outlets = outlets.map((outlet) => this.#stack.use(outlet));
    this.#level = level;
  }

  send(alarm: Alarm): void {
    if (this.#level === 'critical' && alarm.level !== 'critical') return;
    for (const outlet of this.#outlets) outlet.send(alarm);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}
