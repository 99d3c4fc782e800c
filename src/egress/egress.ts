import type { Duplex } from 'node:stream';
import { type EgressRefusal, type EgressSpec, type EgressWay, egressPorts } from '../core/egress.js';
import type { Clock } from '../kit/clock.js';
import { Disposables } from '../kit/disposables.js';
import { admitRule, brokeredHosts } from '../policy/egress/decide.js';
import { refuse } from '../policy/egress/refuse.js';
import type { EgressRule } from '../policy/egress/rule.js';
import { toPolicyDenied } from '../policy/verdict.js';
import { Approvals, type Ask } from './approvals.js';
import { Budget, type EgressUsage, type Moved } from './budget.js';
import { untilClosed } from './carry.js';
import type { Client, EgressContext } from './context.js';
import { type Connect, connectTcp } from './dial.js';
import { Door, type EgressConnection } from './door.js';
import { HttpProxy } from './http-proxy.js';
import { IdleWatch } from './idle-watch.js';
import { LookupTurns } from './lookup-turns.js';
import { type OwnAddresses, systemOwn } from './own-addresses.js';
import { Refusals, type RefusalsHeard } from './refusals.js';
import { type Lookup, Resolver, systemLookup } from './resolve.js';
import type { FindSibling } from './siblings.js';
import { SocksProxy } from './socks.js';
import { type EgressTimes, usualTimes } from './times.js';

export interface EgressOptions {
  /** Listens inside (`Channel.listen`). */
  readonly listen: (port: number, onConnection: (connection: Duplex) => void) => Promise<Disposable>;
  readonly spec: EgressSpec;
  /** The site's list: rules of the session have to be covered by it. Left out: they stand for themselves. */
  readonly ceiling?: readonly string[];
  /** What counts of the bytes besides; left out: the session begins here. */
  readonly moved?: Moved | undefined;
  /** Whether `*` may be said. */
  readonly openAllowed?: boolean;
  /** `name` or `*.name`: never reached directly, whatever the rules say. */
  readonly brokered?: readonly string[];
  readonly clock: Clock;
  readonly lookup?: Lookup;
  /** Of all sessions of the process; left out: of this one alone. */
  readonly lookupTurns?: LookupTurns | undefined;
  readonly connect?: Connect;
  /** Left out: those of the host's interfaces. */
  readonly own?: OwnAddresses;
  readonly times?: Partial<EgressTimes>;
  /** Must not throw. Not called for each of many: `count` says how often. */
  readonly onRefusal: (refusal: EgressRefusal) => void;
  /** Must not throw. */
  readonly heard?: RefusalsHeard;
  /** Must not throw. */
  readonly onConnect?: (connection: EgressConnection) => void;
  /** Whom names below `.internal` stand for; left out: they are names like others. */
  readonly findSibling?: FindSibling | undefined;
  /** Left out: nobody is asked, and what no rule allows is refused at once. */
  readonly ask?: Ask;
}

/** The ways out of one session. Disposing closes them and everything that goes through them. */
export interface Egress extends AsyncDisposable {
  /** Adds a rule for this session and gives its canonical text. POLICY_DENIED (egress.rule, egress.open, egress.ceiling). */
  allow(ruleText: string): string;
  /** From now on these hosts are `brokered` as well; connections that are open to them end. Throws a TypeError for what is no pattern. */
  reserve(hosts: readonly string[]): void;
  /** The newest 100, and the newest 100 addresses (`egress.address`), the newest last. */
  refusals(): readonly EgressRefusal[];
  readonly usage: EgressUsage;
}

/** Opens both proxies inside. POLICY_DENIED where a rule can't be had; else as `listen` rejects, and nothing stays open then. */
export async function openEgress(options: EgressOptions): Promise<Egress> {
  const open = new OpenEgress(options);
  try {
    await open.listen(options.listen);
    return open;
  } catch (error) {
    await open[Symbol.asyncDispose]();
    throw error;
  }
}

class OpenEgress implements Egress {
  readonly #context: EgressContext;
  readonly #refusals: Refusals;
  readonly #approvals: Approvals | undefined;
  readonly #resolver: Resolver;
  readonly #http: HttpProxy;
  readonly #socks: SocksProxy;
  readonly #live = new Map<Duplex, Promise<void>>();
  #isOver = false;
  readonly #listeners = new Disposables();

  constructor(options: EgressOptions) {
    const { clock } = options;
    const times = { ...usualTimes, ...options.times };
    this.#refusals = new Refusals(clock, options.onRefusal, options.heard);
    this.#approvals = options.ask && new Approvals({ ask: options.ask, askMs: times.askMs, clock });
    const ceiling = options.ceiling?.map((text) => rule(text, { openAllowed: true }));
    const limits = { ceiling, openAllowed: options.openAllowed ?? false };
    const { lookup = systemLookup, lookupTurns: turns = new LookupTurns() } = options;
    this.#resolver = new Resolver({ lookup, turns, timeoutMs: times.lookupMs, clock });
    const door = new Door({
      ...limits,
      rules: options.spec.allow.map((text) => rule(text, limits)),
      brokered: brokeredHosts(options.brokered ?? []),
      resolver: this.#resolver,
      ...{ own: options.own ?? systemOwn, connect: options.connect ?? connectTcp },
      dialMs: times.dialMs,
      findSibling: options.findSibling,
      ...{ clock, refusals: this.#refusals, approvals: this.#approvals, onConnect: options.onConnect },
    });
    this.#context = { door, clock, times, budget: new Budget(options.spec, clock, options.moved) };
    this.#http = new HttpProxy(this.#context);
    this.#socks = new SocksProxy(this.#context, (client, pin) => this.#http.serve(client, pin));
  }

  get usage(): EgressUsage {
    return this.#context.budget.usage;
  }

  refusals(): readonly EgressRefusal[] {
    return this.#refusals.list();
  }

  allow(ruleText: string): string {
    const added = this.#context.door.allow(ruleText);
    if ('verdict' in added) throw toPolicyDenied(added);
    return added.text;
  }

  reserve(hosts: readonly string[]): void {
    this.#context.door.reserve(brokeredHosts(hosts));
  }

  async listen(listen: EgressOptions['listen']): Promise<void> {
    const ways = [
      { port: egressPorts.http, via: 'http', serve: (client: Client) => this.#http.serve(client) },
      { port: egressPorts.socks, via: 'socks', serve: (client: Client) => this.#socks.serve(client) },
    ] as const;
    for (const { port, via, serve } of ways) {
      const listener = await listen(port, (connection) => this.#accept(connection, via, serve));
      this.#listeners.defer(() => listener[Symbol.dispose]());
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listeners[Symbol.asyncDispose]();
    this.#isOver = true;
    this.#approvals?.close();
    this.#resolver.close();
    for (const connection of this.#live.keys()) connection.destroy();
    await Promise.all(this.#live.values());
    this.#refusals.close();
  }

  /** Never throws: it is called by whoever reads the channel. */
  #accept(connection: Duplex, via: EgressWay, serve: (client: Client) => Promise<void>): void {
    connection.on('error', () => undefined);
    const { budget, door } = this.#context;
    const problem = budget.isSpent
      ? 'the session has moved all the bytes it may'
      : this.#isOver || !budget.enter()
        ? 'the session has as many connections as it may'
        : undefined;
    if (problem !== undefined) {
      connection.destroy();
      door.refuse({ host: '', port: 0, via }, refuse('egress.limit', problem));
      return;
    }
    const served = this.#serve(connection, serve).finally(() => {
      budget.leave();
      this.#live.delete(connection);
    });
    this.#live.set(connection, served);
  }

  /** Never rejects, and resolves when the connection is closed. */
  async #serve(connection: Duplex, serve: (client: Client) => Promise<void>): Promise<void> {
    const gone = new AbortController();
    const stop = () => gone.abort();
    const destroy = () => connection.destroy();
    connection.once('close', stop);
    const { clock, times } = this.#context;
    // Half-closed or never read, it would hold its place for the life of the session.
    using idle = new IdleWatch({ ms: times.idleMs, clock, onIdle: destroy });
    try {
      await serve({ connection, signal: gone.signal, moved: () => idle.moved() });
    } catch {
      // Nothing that happens to one connection concerns another one, and the client sees a reset.
    } finally {
      connection.destroy();
      await untilClosed(connection);
    }
  }
}

function rule(text: string, limits: { ceiling?: readonly EgressRule[] | undefined; openAllowed: boolean }): EgressRule {
  const admitted = admitRule(text, limits);
  if (admitted.verdict === 'deny') throw toPolicyDenied(admitted);
  return admitted.rule;
}
