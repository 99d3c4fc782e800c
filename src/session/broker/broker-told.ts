import { type Details, plain } from '../../audit/redaction.js';
import type { EgressRefusal } from '../../core/egress.js';
import { type BrokerRefusal, brokerPort } from '../../egress/broker/broker.js';
import type { BrokerUse } from '../../egress/broker/exchange.js';
import { type BrokerUsage, knownCostUsd } from '../../egress/broker/ledger.js';
import { BrokerRefused } from '../../egress/broker/rules.js';
import type { BrokerRoute, TokenCounts } from '../../egress/broker/types.js';
import { Refusals } from '../../egress/refusals.js';
import type { Clock } from '../../kit/clock.js';
import { type Culprit, sessionAsCulprit } from '../../monitor/alarms/burst.js';
import type { Denials } from '../../monitor/alarms/denials.js';
import type { BrokerWish } from '../../policy/broker/decide.js';
import { Told, type ToldParts } from '../told.js';

export interface BrokerToldParts extends ToldParts {
  readonly clock: Clock;
  readonly denials?: Pick<Denials, 'add'> | undefined;
}

/** What went wrong outside is nothing that the sandbox was denied. */
const failures: readonly string[] = ['broker.upstream', 'broker.upstream-slow', 'broker.redirect', 'broker.busy'];
/** Names of models come from inside, and a sandbox can make up as many as it likes. */
const mostUses = 64;

/** What the audit log hears of one session's broker: the first use of each key and model, or place, refusals as they add up, and the sums at the end. */
export class BrokerTold {
  readonly #told: Told;
  readonly #denials: BrokerToldParts['denials'];
  readonly #refusals: Refusals;
  readonly #culprit: Culprit;
  readonly #uses = new Set<string>();
  readonly #writes = new Set<string>();

  constructor(parts: BrokerToldParts) {
    this.#told = new Told(parts);
    this.#denials = parts.denials;
    this.#culprit = sessionAsCulprit(parts.id);
    this.#refusals = new Refusals(parts.clock, (refusal) => this.#onRefusal(refusal));
  }

  /** The newest hundred, the same ones counted together. */
  refusals(): readonly EgressRefusal[] {
    return this.#refusals.list();
  }

  opened({ providers = [], git = [], routes = [] }: BrokerWish): Details {
    const all = { providers, git, routes };
    const named = Object.entries(all).filter(([, names]) => names.length > 0);
    return Object.fromEntries(named.map(([kind, names]) => [kind, names.map((name) => plain(name))]));
  }

  /** The route, without a key once the log can't be written: nothing is done that can't be recorded. */
  guarded(route: BrokerRoute): BrokerRoute {
    return {
      ...route,
      authenticate: (outgoing, signal) => {
        if (!this.#told.isBroken) return route.authenticate(outgoing, signal);
        return Promise.reject(new BrokerRefused('broker.upstream', 'calls can’t be recorded, so none are made'));
      },
    };
  }

  used({ route, model, key, path, isWrite }: BrokerUse): void {
    const name = `${route} ${model ?? path} ${key}`;
    // Apart: what reads many places is not to hide what is then written to.
    const uses = isWrite ? this.#writes : this.#uses;
    if (uses.has(name) || uses.size >= mostUses) return;
    uses.add(name);
    const what = model === undefined ? { path: plain(path) } : { model: plain(model) };
    const details = { route: plain(route), key: plain(key), ...what };
    this.#told.write('broker.use', { verdict: 'allow', details });
  }

  refused({ ruleId, host, port, reason, hint }: BrokerRefusal): void {
    const named = host === '' ? { host: '127.0.0.1', port: brokerPort } : { host: host.replaceAll(/[[\]]/g, ''), port };
    if (!failures.includes(ruleId)) this.#denials?.add('model', ruleId, this.#culprit);
    this.#refusals.add({ ...named, via: 'broker' }, { ruleId, reason, hint });
  }

  async over(usage: BrokerUsage | undefined): Promise<void> {
    for (const line of usage?.lines ?? []) {
      const { route, model, key, requests, tokens, reckoned, unpriced, bytes } = line;
      const costUsd = knownCostUsd(line);
      const details = {
        ...{ route: plain(route), key: plain(key), requests, reckoned, unpriced, bytes },
        ...(model !== undefined && { model: plain(model) }),
        tokens: sumsOf(tokens),
        ...(costUsd !== undefined && { microUsd: Math.round(costUsd * 1e6) }),
      };
      this.#told.write('broker.end', { details });
    }
    await this.#told.settled();
  }

  #onRefusal({ ruleId: rule, host, port, count }: EgressRefusal): void {
    const details = { host: plain(host), port, count };
    if (failures.includes(rule)) this.#told.write('broker.fail', { rule, details });
    else this.#told.write('broker.deny', { verdict: 'deny', result: 'POLICY_DENIED', rule, details });
  }
}

function sumsOf({ input, output, cacheRead, cacheWrite, cacheWriteLong }: TokenCounts): Details {
  return { input, output, cacheRead, cacheWrite: cacheWrite + cacheWriteLong };
}
