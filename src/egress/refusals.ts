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

export interface RefusalsHeard {
  /** The rule of each one, however many there are. */
  readonly onEach?: ((ruleId: string) => void) | undefined;
  /** So many were not told one by one; told at the next quiet moment, or by `close`. */
  readonly onUntold?: ((count: number) => void) | undefined;
}

/** The newest refusals of a session, the same ones counted together. */
export class Refusals {
  readonly #clock: Clock;
  readonly #onRefusal: (refusal: EgressRefusal) => void;
  readonly #heard: RefusalsHeard;
  /** Addresses by themselves: names that a sandbox makes up are not to crowd out that it tried to reach the host or its neighbours. */
  readonly #kept = { names: new Map<string, EgressRefusal>(), addresses: new Map<string, EgressRefusal>() };
  readonly #told = { names: 0, addresses: 0 };
  #untold = 0;
  #windowFromMs = 0;

  constructor(clock: Clock, onRefusal: (refusal: EgressRefusal) => void, heard: RefusalsHeard = {}) {
    this.#clock = clock;
    this.#onRefusal = onRefusal;
    this.#heard = heard;
  }

  /** The newest last. */
  list(): readonly EgressRefusal[] {
    const { names, addresses } = this.#kept;
    return [...names.values(), ...addresses.values()].sort((one, other) => one.atMs - other.atMs);
  }

  add(target: RefusedTarget, { ruleId, reason, hint }: Pick<EgressRefusal, 'ruleId' | 'reason' | 'hint'>): void {
    this.#heard.onEach?.(ruleId);
    const kind = ruleId === 'egress.address' ? 'addresses' : 'names';
    const kept = this.#kept[kind];
    const host = safeLine(target.host.slice(0, 253), 253).slice(0, 253);
    const key = `${ruleId} ${host} ${target.port}`;
    const count = (kept.get(key)?.count ?? 0) + 1;
    const refusal = { ...target, ruleId, reason, hint, host, atMs: this.#clock.now(), count };
    kept.delete(key);
    kept.set(key, refusal);
    const [oldest] = kept.keys();
    if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
    // The first, the second, the fourth …: the count says the rest.
    if ((count & (count - 1)) !== 0) return;
    if (this.#mayTell(kind)) this.#onRefusal(refusal);
    else this.#untold += 1;
  }

  /** Tells what is still to be told. */
  close(): void {
    if (this.#untold > 0) this.#heard.onUntold?.(this.#untold);
    this.#untold = 0;
  }

  #mayTell(kind: 'names' | 'addresses'): boolean {
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#windowFromMs >= toldWithinMs) {
      this.close();
      this.#windowFromMs = nowMs;
      Object.assign(this.#told, { names: 0, addresses: 0 });
    }
    this.#told[kind] += 1;
    return this.#told[kind] <= mostTold;
  }
}
