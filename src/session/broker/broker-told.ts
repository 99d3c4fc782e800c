import type { AuditRecorder } from '../../audit/audit-log.js';
import { type Details, plain } from '../../audit/redaction.js';
import type { EgressRefusal } from '../../core/egress.js';
import type { SessionId } from '../../core/ids.js';
import type { ProviderId } from '../../core/providers.js';
import { type BrokerRefusal, brokerPort } from '../../egress/broker/broker.js';
import type { BrokerUse } from '../../egress/broker/exchange.js';
import type { BrokerUsage } from '../../egress/broker/ledger.js';
import { BrokerRefused } from '../../egress/broker/rules.js';
import type { BrokerRoute, TokenCounts } from '../../egress/broker/types.js';
import { Refusals } from '../../egress/refusals.js';
import type { Clock } from '../../kit/clock.js';
import type { Denials } from '../../monitor/alarms/denials.js';

export interface ToldParts {
  readonly id: SessionId;
  readonly audit: AuditRecorder;
  readonly clock: Clock;
  readonly denials?: Pick<Denials, 'add'> | undefined;
}

/** What went wrong outside is nothing that the sandbox was denied. */
const failures: readonly string[] = ['broker.upstream', 'broker.upstream-slow', 'broker.redirect', 'broker.busy'];
/** Names of models come from inside, and a sandbox can make up as many as it likes. */
const mostUses = 64;

/** What the audit log hears of one session's broker: the first use of each key and model, refusals as they add up, and the sums at the end. */
export class BrokerTold {
  readonly #parts: ToldParts;
  readonly #refusals: Refusals;
  readonly #uses = new Set<string>();
  #isBroken = false;
  #written: Promise<void> = Promise.resolve();

  constructor(parts: ToldParts) {
    this.#parts = parts;
    this.#refusals = new Refusals(parts.clock, (refusal) => this.#onRefusal(refusal));
  }

  /** The newest hundred, the same ones counted together. */
  refusals(): readonly EgressRefusal[] {
    return this.#refusals.list();
  }

  opened(providers: readonly ProviderId[]): Details {
    return { providers: providers.map((id) => plain(id)) };
  }

  /** The route, without a key once the log can't be written: nothing is done that can't be recorded. */
  guarded(route: BrokerRoute): BrokerRoute {
    return {
      ...route,
      authenticate: (outgoing, signal) => {
        if (!this.#isBroken) return route.authenticate(outgoing, signal);
        return Promise.reject(new BrokerRefused('broker.upstream', 'calls can’t be recorded, so none are made'));
      },
    };
  }

  used({ route, model, key }: BrokerUse): void {
    const name = `${route} ${model ?? ''} ${key}`;
    if (this.#uses.has(name) || this.#uses.size >= mostUses) return;
    this.#uses.add(name);
    const details = { route: plain(route), key: plain(key), ...(model !== undefined && { model: plain(model) }) };
    this.#write('broker.use', { verdict: 'allow', details });
  }

  refused({ ruleId, host, port, reason, hint }: BrokerRefusal): void {
    const named = host === '' ? { host: '127.0.0.1', port: brokerPort } : { host: host.replaceAll(/[[\]]/g, ''), port };
    if (!failures.includes(ruleId)) this.#parts.denials?.add();
    this.#refusals.add({ ...named, via: 'broker' }, { ruleId, reason, hint });
  }

  async over(usage: BrokerUsage | undefined): Promise<void> {
    for (const { route, model, key, requests, tokens, reckoned, costUsd, unpriced } of usage?.lines ?? []) {
      const details = {
        ...{ route: plain(route), key: plain(key), requests, reckoned, unpriced },
        ...(model !== undefined && { model: plain(model) }),
        ...{ tokens: sumsOf(tokens), microUsd: Math.round(costUsd * 1e6) },
      };
      this.#write('broker.end', { details });
    }
    await this.#written;
  }

  #onRefusal({ ruleId: rule, host, port, count }: EgressRefusal): void {
    const details = { host: plain(host), port, count };
    if (failures.includes(rule)) this.#write('broker.fail', { rule, details });
    else this.#write('broker.deny', { verdict: 'deny', result: 'POLICY_DENIED', rule, details });
  }

  #write(action: string, fields: Parameters<AuditRecorder['event']>[1]): void {
    const written = this.#parts.audit.event(action, { session: this.#parts.id, ...fields }).catch(() => {
      this.#isBroken = true;
    });
    this.#written = Promise.all([this.#written, written]).then(() => undefined);
  }
}

function sumsOf({ input, output, cacheRead, cacheWrite, cacheWriteLong }: TokenCounts): Details {
  return { input, output, cacheRead, cacheWrite: cacheWrite + cacheWriteLong };
}
