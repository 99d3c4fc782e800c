import { costOf, type Price, type Prices, priceOf } from './prices.js';
import { BrokerRefused } from './rules.js';
import { nothingSpent, type Spending, type Spent } from './spending.js';
import type { TokenCounts } from './types.js';
import { addCounts, noTokens, totalOf } from './usage/counts.js';

/** What one session may use up; what is absent has no cap. Calls under way when a cap is reached end as they would. */
export interface BrokerCaps {
  /** Requests that went to a provider, whatever came of them. */
  readonly requests?: number;
  /** Tokens of every kind, those from caches as well. */
  readonly tokens?: number;
  readonly costUsd?: number;
  /** Of bodies, both ways, whatever they are of. */
  readonly bytes?: number;
  /** Whether calls whose price is not known are made in spite of a cap on cost. */
  readonly allowUnknownPrices?: boolean;
}

/** What went over one route to one model with one key. */
export interface UsageLine {
  readonly route: string;
  /** Absent for what is no model call, and `other` once there are too many names. */
  readonly model?: string;
  /** Which key: the first hex digits of its SHA-256. */
  readonly key: string;
  readonly requests: number;
  readonly tokens: TokenCounts;
  /** Requests whose tokens were reckoned from the bytes, because the answer was cut short or did not say. */
  readonly reckoned: number;
  /** US dollars of those whose price is known. */
  readonly costUsd: number;
  /** Requests of unknown cost. */
  readonly unpriced: number;
  /** Of bodies, both ways. */
  readonly bytes: number;
}

export interface BrokerUsage {
  readonly requests: number;
  readonly tokens: TokenCounts;
  readonly costUsd: number;
  /** Requests of unknown cost: `costUsd` lacks them. */
  readonly unpriced: number;
  readonly lines: readonly UsageLine[];
}

/** One request that a provider answered. */
export interface Settled {
  readonly route: string;
  readonly model: string | undefined;
  readonly key: string;
  /** Undefined for what uses no tokens. */
  readonly counts: TokenCounts | undefined;
  readonly isReckoned: boolean;
  readonly isListPriced: boolean;
  readonly bytes: number;
}

const mostLines = 64;

/** Counts what a session uses, and refuses the next request once a cap is reached. */
export class Ledger {
  readonly #caps: BrokerCaps;
  readonly #prices: Prices;
  readonly #spending: Spending | undefined;
  readonly #lines = new Map<string, UsageLine>();
  /** The most that each model call under way may yet use. */
  readonly #underWay = new Set<{ readonly tokens: number; readonly costUsd: number }>();
  #admitted = 0;

  constructor(caps: BrokerCaps, prices: Prices, spending?: Spending) {
    this.#caps = caps;
    this.#prices = prices;
    this.#spending = spending;
  }

  /**
   * Lets one more request through, and counts it, or refuses it (`broker.cap`, `broker.price`; `broker.busy` while calls under way may use up
   * what is left: many at once would each find the cap not reached). Whoever calls disposes once the request is settled.
   */
  admit(call: {
    readonly usesTokens: boolean;
    readonly model: string | undefined;
    readonly isListPriced: boolean;
    readonly most: TokenCounts;
  }): Disposable {
    const { requests, tokens, costUsd } = this.#caps;
    const used = this.#spent();
    refuseAt('requests', used.requests, requests);
    refuseAt('tokens', used.tokens, tokens);
    refuseAt('dollars', used.costUsd, costUsd);
    if (call.usesTokens && costUsd !== undefined && this.#caps.allowUnknownPrices !== true) {
      if (used.unpriced > 0) throw new BrokerRefused('broker.price', 'what an earlier call cost is not known');
      if (this.#price(call) === undefined) {
        throw new BrokerRefused(
          'broker.price',
          `the price of this call to ${call.model ?? 'no named model'} is not known`,
        );
      }
    }
    if (call.usesTokens) this.#refuseBeside(used);
    this.#admitted += 1;
    const reserved = this.#reserve(call);
    this.#note();
    return reserved;
  }

  /** Notes what a request used; returns its cost in US dollars, undefined where that is not known. */
  settle(settled: Settled): number | undefined {
    const { counts } = settled;
    const cost = counts === undefined ? 0 : costOf(this.#price(settled), counts);
    const line = this.#line(settled);
    this.#lines.set(keyOf(line), {
      ...line,
      requests: line.requests + 1,
      tokens: addCounts(line.tokens, counts ?? noTokens),
      reckoned: line.reckoned + (settled.isReckoned ? 1 : 0),
      costUsd: line.costUsd + (cost ?? 0),
      unpriced: line.unpriced + (cost === undefined ? 1 : 0),
      bytes: line.bytes + settled.bytes,
    });
    this.#note();
    return cost;
  }

  usage(): BrokerUsage {
    const lines = [...this.#lines.values()];
    return {
      requests: this.#admitted,
      tokens: lines.map(({ tokens }) => tokens).reduce(addCounts, noTokens),
      costUsd: lines.reduce((sum, line) => sum + line.costUsd, 0),
      unpriced: lines.reduce((sum, line) => sum + line.unpriced, 0),
      lines,
    };
  }

  /** Under all holders of the session. */
  #spent(): Omit<Spent, 'bytes'> {
    const { before = nothingSpent } = this.#spending ?? {};
    const { requests, tokens, costUsd, unpriced } = this.usage();
    return {
      requests: before.requests + requests,
      tokens: before.tokens + totalOf(tokens),
      costUsd: before.costUsd + costUsd,
      unpriced: before.unpriced + unpriced,
    };
  }

  #reserved(kind: 'tokens' | 'costUsd'): number {
    return [...this.#underWay].reduce((all, one) => all + one[kind], 0);
  }

  #note(): void {
    const spent = this.#spent();
    const tokens = spent.tokens + this.#reserved('tokens');
    this.#spending?.note({ ...spent, tokens, costUsd: spent.costUsd + this.#reserved('costUsd') });
  }

  #refuseBeside(used: Pick<Spent, 'tokens' | 'costUsd'>): void {
    const { tokens, costUsd } = this.#caps;
    const isTaken =
      used.tokens + this.#reserved('tokens') >= (tokens ?? Number.POSITIVE_INFINITY) ||
      used.costUsd + this.#reserved('costUsd') >= (costUsd ?? Number.POSITIVE_INFINITY);
    if (isTaken) throw new BrokerRefused('broker.busy', 'calls under way may use up what is left of the cap');
  }

  #reserve(call: Parameters<Ledger['admit']>[0]): Disposable {
    if (!call.usesTokens) return { [Symbol.dispose]: () => undefined };
    const price = this.#price(call);
    const costUsd = costOf(price && { ...price, upTo: Number.POSITIVE_INFINITY }, call.most) ?? 0;
    const reserved = { tokens: totalOf(call.most), costUsd };
    this.#underWay.add(reserved);
    const settled = () => {
      this.#underWay.delete(reserved);
      this.#note();
    };
    return { [Symbol.dispose]: settled };
  }

  #price(call: { readonly model: string | undefined; readonly isListPriced: boolean }): Price | undefined {
    return call.isListPriced ? priceOf(this.#prices, call.model) : undefined;
  }

  /** The line that a request belongs to. Names come from inside, so there is an end to how many are kept apart. */
  #line({ route, model, key }: Settled): UsageLine {
    const fresh: UsageLine = {
      ...{ route, key, requests: 0, tokens: noTokens, reckoned: 0, costUsd: 0, unpriced: 0, bytes: 0 },
      ...(model === undefined ? {} : { model }),
    };
    const found = this.#lines.get(keyOf(fresh));
    if (found !== undefined || this.#lines.size < mostLines) return found ?? fresh;
    const other = { ...fresh, model: 'other' };
    return this.#lines.get(keyOf(other)) ?? other;
  }
}

/** US dollars of those whose price is known; undefined where none was: 0 would say that they were free. */
export function knownCostUsd({
  requests,
  costUsd,
  unpriced,
}: Pick<UsageLine, 'requests' | 'costUsd' | 'unpriced'>): number | undefined {
  return unpriced > 0 && unpriced >= requests ? undefined : costUsd;
}

function keyOf({ route, model, key }: UsageLine): string {
  return [route, model ?? '', key].join(' ');
}

function refuseAt(what: string, used: number, cap: number | undefined): void {
  if (cap === undefined || used < cap) return;
  throw new BrokerRefused('broker.cap', `${used} of ${cap} ${what} are used`);
}
