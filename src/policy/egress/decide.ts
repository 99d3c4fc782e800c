import type { Denied } from '../verdict.js';
import { type Address, classOf, embeddedIn } from './address.js';
import { type Host, withPort } from './host.js';
import { coversEndpoint, isWithin, matchesHost } from './match.js';
import { contains } from './network.js';
import { refuse } from './refuse.js';
import { howToAdd, howToAllow } from './remedy.js';
import {
  type EgressRule,
  type Endpoint,
  type HostPattern,
  parsePattern,
  parseRule,
  type RuleOptions,
  type Scheme,
} from './rule.js';

/** What a session may reach. */
export interface EgressList {
  readonly rules: readonly EgressRule[];
  /** Hosts that are reached through the credential broker only, whatever the rules say. */
  readonly brokered: readonly HostPattern[];
  /** Texts of the host's own addresses: special, though they may be public. Left out: it has none of these. */
  readonly own?: ReadonlySet<string>;
}

/** What is asked for. A tunnel may turn out to carry any scheme, a page only http. */
export interface EgressWish {
  readonly host: Host;
  readonly port: number;
  readonly schemes: readonly Scheme[];
}

export interface EgressAllowed {
  readonly verdict: 'allow';
  /** The schemes of the wish that rules allow. With `tcp` all of them, and nobody looks. */
  readonly schemes: readonly Scheme[];
  /** The first rule that allows one. */
  readonly rule: EgressRule;
}

export type EgressVerdict = EgressAllowed | Denied;

/** Decides by what was asked; what a name resolves to is decided by `decideAddress`. */
export function decide(list: EgressList, wish: EgressWish): EgressVerdict {
  const { host, port } = wish;
  if (list.brokered.some((pattern) => matchesHost(pattern, host))) {
    return refuse('egress.brokered', `${host.text} is reached through the credential broker only`);
  }
  const matching = list.rules.filter((rule) => matchesHost(rule.host, host));
  const allows = (rule: EgressRule, scheme: Scheme) =>
    rule.endpoints.some((endpoint) => coversEndpoint(endpoint, { scheme, port }));
  const schemes = wish.schemes.filter((scheme) => matching.some((rule) => allows(rule, scheme)));
  const rule = matching.find((one) => schemes.some((scheme) => allows(one, scheme)));
  if (rule !== undefined) return { verdict: 'allow', schemes, rule };
  return refuse('egress.host', `no rule allows ${withPort(host.text, port)}`, howToAllow(suggestedRule(wish)));
}

/**
 * Decides whether an address that a host stands for may be dialled, and for which schemes of the wish (those that `decide` allowed).
 * Public ones of others may; a special one where a rule names it, or its network, with that port. A translated one leads to the IPv4 address
 * in it as well, so that has to be allowed too.
 */
export function decideAddress(
  list: EgressList,
  wish: EgressWish,
  address: Address,
): { readonly verdict: 'allow'; readonly schemes: readonly Scheme[] } | Denied {
  // What listens on the host for its neighbours is not meant for sandboxes, and no firewall stands before the host's own dialling.
  const isOwn = list.own?.has(address.text) === true && classOf(address) === 'public';
  const reached = [address, ...embeddedIn(address)].filter(
    (one) => classOf(one) !== 'public' || list.own?.has(one.text) === true,
  );
  const schemes = wish.schemes.filter((scheme) =>
    reached.every((one) => isNamed(list, one, { scheme, port: wish.port })),
  );
  if (schemes.length > 0) return { verdict: 'allow', schemes };
  const subject = wish.host.kind === 'name' ? `${wish.host.text} resolves to ${address.text}, which` : address.text;
  return refuse(
    'egress.address',
    `${subject} is ${isOwn ? 'an address of the host itself' : `${articled(classOf(address))} address`}, and no rule names it with port ${wish.port}`,
    `If that is meant, name it too. ${howToAllow(withPort(address.text, wish.port))}`,
  );
}

function isNamed({ rules }: EgressList, address: Address, wanted: Endpoint): boolean {
  return rules.some(
    ({ host, endpoints }) =>
      host.kind === 'network' &&
      contains(host.network, address) &&
      endpoints.some((endpoint) => coversEndpoint(endpoint, wanted)),
  );
}

/** A rule from a request or an approval, within the site's list where there is one. */
export function admitRule(
  text: string,
  options: RuleOptions & { readonly ceiling?: readonly EgressRule[] | undefined; readonly own?: ReadonlySet<string> },
): { readonly verdict: 'allow'; readonly rule: EgressRule } | Denied {
  const reading = parseRule(text, options);
  if ('problem' in reading) {
    return refuse(reading.isOpen === true ? 'egress.open' : 'egress.rule', reading.problem);
  }
  const { rule } = reading;
  if (options.ceiling === undefined || isWithin(rule, options.ceiling, options.own)) return { verdict: 'allow', rule };
  return refuse('egress.ceiling', `the policy's list does not cover ${rule.text}`, howToAdd(rule.text));
}

/** `name` or `*.name`. Throws a TypeError for what is neither: these come from the program, not from a caller. */
export function brokeredHosts(texts: readonly string[]): readonly HostPattern[] {
  return texts.map((text) => {
    const pattern = parsePattern(text);
    if (typeof pattern === 'string' || pattern.kind === 'any') throw new TypeError(`not a brokered host: ${text}`);
    return pattern;
  });
}

/** The narrowest rule that would allow it, as far as the asking tells. */
export function suggestedRule({ host, port, schemes }: EgressWish): string {
  const text = host.text.includes(':') ? `[${host.text}]` : host.text;
  const mayTunnel = schemes.includes('https');
  if (mayTunnel && port === 443) return `https://${text}`;
  if (port === 80) return `http://${text}`;
  if (!mayTunnel) return `http://${text}:${port}`;
  return port === 22 ? `tcp://${text}:22` : `${text}:${port}`;
}

function articled(word: string): string {
  return /^[aeiou]/.test(word) ? `an ${word}` : `a ${word}`;
}
