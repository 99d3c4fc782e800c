import type { Duplex } from 'node:stream';
import { type EgressWay, internalDomain } from '../core/egress.js';
import type { Clock } from '../kit/clock.js';
import type { Address } from '../policy/egress/address.js';
import {
  admitRule,
  decide,
  decideAddress,
  type EgressAllowed,
  type EgressList,
  type EgressWish,
  suggestedRule,
} from '../policy/egress/decide.js';
import { type Host, readHost } from '../policy/egress/host.js';
import { isInternal } from '../policy/egress/internal.js';
import { matchesHost } from '../policy/egress/match.js';
import { refuse } from '../policy/egress/refuse.js';
import type { EgressRule, HostPattern, Scheme } from '../policy/egress/rule.js';
import type { Denied } from '../policy/verdict.js';
import type { Approvals } from './approvals.js';
import { type Connect, dial } from './dial.js';
import { OutsideFailure } from './failure.js';
import type { OwnAddresses } from './own-addresses.js';
import type { Refusals } from './refusals.js';
import type { Resolver } from './resolve.js';
import { dialSibling, type FindSibling, type Sibling } from './siblings.js';

/** As a client named it. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly via: EgressWay;
  readonly schemes: readonly Scheme[];
}

/** A target that may be dialled: at these addresses, for these schemes. */
export interface Passage {
  readonly verdict: 'allow';
  readonly target: Target;
  readonly wish: EgressWish;
  readonly schemes: readonly Scheme[];
  readonly addresses: readonly Address[];
  readonly rule: Pick<EgressRule, 'text'>;
  /** Whom it leads to instead of an address. */
  readonly sibling?: Sibling;
}

/** A connection that was made to the outside. */
export interface EgressConnection {
  readonly host: string;
  readonly port: number;
  readonly via: EgressWay;
  /** Of a sibling its session's id. */
  readonly address: string;
  /** Text of the rule that allowed it; `internal` for a sibling. */
  readonly rule: string;
}

export interface DoorOptions {
  readonly rules: readonly EgressRule[];
  readonly brokered: readonly HostPattern[];
  readonly ceiling: readonly EgressRule[] | undefined;
  readonly openAllowed: boolean;
  readonly resolver: Resolver;
  readonly own: OwnAddresses;
  readonly connect: Connect;
  readonly dialMs: number;
  readonly clock: Clock;
  readonly refusals: Refusals;
  readonly approvals: Approvals | undefined;
  /** Left out: there are none, and `.internal` is a name like others. */
  readonly findSibling: FindSibling | undefined;
  readonly onConnect: ((connection: EgressConnection) => void) | undefined;
}

/** The only way out: decides, resolves, checks and dials. What was checked is what is dialled; nothing is resolved twice. */
export class Door {
  readonly #options: DoorOptions;
  readonly #open = new Map<Duplex, Host>();
  #brokered: readonly HostPattern[];
  #rules: readonly EgressRule[];

  constructor(options: DoorOptions) {
    this.#options = options;
    this.#brokered = options.brokered;
    this.#rules = options.rules;
  }

  /** Adds a rule, within the ceiling; what is open already stays. */
  allow(text: string): EgressRule | Denied {
    const admitted = admitRule(text, this.#limits);
    if (admitted.verdict === 'deny') return admitted;
    const { rule } = admitted;
    if (!this.#rules.some((one) => one.text === rule.text)) this.#rules = [...this.#rules, rule];
    return rule;
  }

  /** These are reached through the broker only from now on. What is open to them ends: nothing is reached both ways. */
  reserve(patterns: readonly HostPattern[]): void {
    this.#brokered = [...this.#brokered, ...patterns];
    for (const [socket, host] of this.#open) if (this.#isBrokered(host)) socket.destroy();
  }

  /** A refusal is recorded as well. OutsideFailure where the name can't be resolved; an AbortError when the signal fires. */
  async judge(target: Target, signal: AbortSignal): Promise<Passage | Denied> {
    const reading = readHost(target.host);
    if ('problem' in reading) return this.refuse(target, refuse('egress.host-name', reading.problem));
    const wish = { host: reading.host, port: target.port, schemes: target.schemes };
    const named = { ...target, host: reading.host.text };
    const { findSibling } = this.#options;
    if (findSibling !== undefined && isInternal(reading.host)) return await this.#toSibling(wish, named, findSibling);
    const allowed = await this.#decide(wish, named, signal);
    if (allowed.verdict === 'deny') return this.refuse(named, allowed);
    const { host } = reading;
    const addresses =
      host.kind === 'address' ? [host.address] : await this.#options.resolver.resolve(host.text, signal);
    let schemes = allowed.schemes;
    for (const address of addresses) {
      const verdict = decideAddress(allowed.list, { ...wish, schemes }, address);
      // One bad address refuses the name: whoever mixes them wants the other to be tried.
      if (verdict.verdict === 'deny') return this.refuse(named, verdict);
      schemes = verdict.schemes;
    }
    return { verdict: 'allow', target: named, wish, schemes, addresses, rule: allowed.rule };
  }

  /** Half-open; whoever gets it destroys it. OutsideFailure; an AbortError when the signal fires. */
  async dial(passage: Passage, signal: AbortSignal): Promise<Duplex> {
    const { connect, dialMs, clock, onConnect } = this.#options;
    const { host, port, via } = passage.target;
    const { host: asked } = passage.wish;
    const { sibling } = passage;
    if (sibling !== undefined) {
      const socket = await dialSibling(sibling, { clock, timeoutMs: dialMs }, signal);
      onConnect?.({ host, port, via, address: sibling.session, rule: passage.rule.text });
      return socket;
    }
    const { socket, address } = await dial(passage.addresses, port, { connect, clock, timeoutMs: dialMs }, signal);
    if (this.#isBrokered(asked)) {
      // It was reserved while it was dialled.
      socket.destroy();
      throw new OutsideFailure('refused', `${asked.text} is reached through the credential broker only`);
    }
    this.#open.set(socket, asked);
    socket.once('close', () => this.#open.delete(socket));
    onConnect?.({ host, port, via, address: address.text, rule: passage.rule.text });
    return socket;
  }

  refuse(target: Omit<Target, 'schemes'>, denied: Denied): Denied {
    this.#options.refusals.add({ host: target.host, port: target.port, via: target.via }, denied);
    return denied;
  }

  async #toSibling(wish: EgressWish, target: Target, find: FindSibling): Promise<Passage | Denied> {
    const sibling = await find(wish.host, wish.port);
    if (sibling.verdict === 'deny') return this.refuse(target, sibling);
    const { schemes } = wish;
    return { verdict: 'allow', target, wish, schemes, addresses: [], rule: { text: internalDomain }, sibling };
  }

  get #limits(): Parameters<typeof admitRule>[1] {
    const { ceiling, openAllowed, own } = this.#options;
    return { ceiling, openAllowed, own: own() };
  }

  #isBrokered(host: Host): boolean {
    return this.#brokered.some((pattern) => matchesHost(pattern, host));
  }

  async #decide(
    wish: EgressWish,
    target: Target,
    signal: AbortSignal,
  ): Promise<(EgressAllowed & { readonly list: EgressList }) | Denied> {
    const list = { rules: this.#rules, brokered: this.#brokered, own: this.#options.own() };
    const verdict = decide(list, wish);
    if (verdict.verdict === 'allow') return { ...verdict, list };
    const { approvals } = this.#options;
    if (approvals === undefined || verdict.ruleId !== 'egress.host') return verdict;
    const admitted = admitRule(suggestedRule(wish), this.#limits);
    // A person approves within the site's list, not beyond it. A session that asks for the host from the start may well get it.
    if (admitted.verdict === 'deny') return { ...admitted, hint: verdict.hint };
    const { rule } = admitted;
    const { host, port, via } = target;
    const answer = await approvals.answerTo({ host, port, via, rule: rule.text }, signal);
    if (answer === 'deny') return verdict;
    if (answer === 'allow-session') this.allow(rule.text);
    const approved = { ...list, rules: [...this.#rules, rule], brokered: this.#brokered };
    const again = decide(approved, wish);
    return again.verdict === 'allow' ? { ...again, list: approved } : again;
  }
}
