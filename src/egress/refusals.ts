import type { EgressRefusal, EgressWay } from '../core/egress.js';
import type { Clock } from '../kit/clock.js';
import { safeLine } from '../kit/safe-text.js';

export interface RefusedTarget {
  readonly host: string;
  readonly port: number;
  readonly via: EgressWay;
}

const mostKept = 100;
/** Whoever is told may write each one to a disk, and a sandbox can be refused as often as it likes. */
const mostTold = 50;
const toldWithinMs = 10_000;

/** The newest refusals of a session, the same ones counted together. */
export class Refusals {
  readonly #clock: Clock;
  readonly #onRefusal: (refusal: EgressRefusal) => void;
  readonly #kept = new Map<string, EgressRefusal>();
  #windowFromMs = 0;
  #toldInWindow = 0;

  constructor(clock: Clock, onRefusal: (refusal: EgressRefusal) => void) {
    this.#clock = clock;
    this.#onRefusal = onRefusal;
  }

  /** The newest last. */
  list(): readonly EgressRefusal[] {
    return [...this.#kept.values()];
  }

  add(target: RefusedTarget, { ruleId, reason, hint }: Pick<EgressRefusal, 'ruleId' | 'reason' | 'hint'>): void {
    const host = safeLine(target.host.slice(0, 253), 253).slice(0, 253);
    const key = `${ruleId} ${host} ${target.port}`;
    const count = (this.#kept.get(key)?.count ?? 0) + 1;
    const refusal = { ...target, ruleId, reason, hint, host, atMs: this.#clock.now(), count };
    this.#kept.delete(key);
    this.#kept.set(key, refusal);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > mostKept && oldest !== undefined) this.#kept.delete(oldest);
    if (this.#mayTell(count)) this.#onRefusal(refusal);
  }

  /** The first, the second, the fourth …: the count says the rest. */
  #mayTell(count: number): boolean {
    if ((count & (count - 1)) !== 0) return false;
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#windowFromMs >= toldWithinMs) [this.#windowFromMs, this.#toldInWindow] = [nowMs, 0];
    this.#toldInWindow += 1;
    return this.#toldInWindow <= mostTold;
  }
}
