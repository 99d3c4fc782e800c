import type { BrokerRules } from '../../core/site-policy.js';
import type { BrokerRoute } from '../../egress/broker/types.js';
import type { BrokerWish } from '../../policy/broker/decide.js';
import { nameOfGitHost } from '../../policy/broker/git-hosts.js';
import { usualHostsOf } from './provider-routes.js';

export function isEmptyWish({ providers = [], git = [], routes = [] }: BrokerWish): boolean {
  return providers.length + git.length + routes.length === 0;
}

/** What of a wish a broker does not have yet. `places`: by the ids of its routes. */
export function missingFrom(
  { providers = [], git = [], routes = [] }: BrokerWish,
  places: Readonly<Record<string, string>>,
): BrokerWish {
  const isMissing = (id: string) => !Object.hasOwn(places, id);
  return {
    providers: providers.filter(isMissing),
    git: git.filter((host) => isMissing(`git:${host}`)),
    routes: routes.filter(isMissing),
  };
}

/** A wish as its single parts: of one that can't be had the others are no hindrance. */
export function partsOf({ providers = [], git = [], routes = [] }: BrokerWish): readonly BrokerWish[] {
  return [
    ...providers.map((one) => ({ providers: [one] })),
    ...git.map((one) => ({ git: [one] })),
    ...routes.map((one) => ({ routes: [one] })),
  ];
}

/**
 * Hosts of a wish, which nothing inside reaches but through the broker: the usual ones, those that the policy names, and where the routes really
 * lead. Without routes (there is no token) as well: what was kept from the sandbox is not let out for want of one.
 */
export function brokeredHostsOf(
  { providers = [], git = [], routes: names = [] }: BrokerWish,
  rules: Pick<BrokerRules, 'git' | 'routes'> | undefined,
  routes: readonly BrokerRoute[] = [],
): readonly string[] {
  const named = [...git.map((host) => rules?.git[host]), ...names.map((name) => rules?.routes[name])];
  const leading = named.flatMap((rule) => (rule?.upstream === undefined ? [] : [new URL(rule.upstream).hostname]));
  const real = routes.map(({ upstream }) => upstream.hostname);
  return [...new Set([...usualHostsOf(providers), ...git.map(nameOfGitHost), ...leading, ...real])];
}

/** What a session does without that has no broker, for people. */
export function withoutBroker({ providers = [], git = [], routes = [] }: BrokerWish): string {
  return [
    ...(providers.length > 0 ? [`no models can be called (${providers.join(', ')})`] : []),
    ...(git.length > 0 ? [`git has no token (${git.join(', ')})`] : []),
    ...(routes.length > 0 ? [`there are no routes (${routes.join(', ')})`] : []),
  ].join('; ');
}
