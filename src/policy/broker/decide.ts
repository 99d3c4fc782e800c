import { egressPorts } from '../../core/egress.js';
import { type ProviderId, placeholderKey, providerIds } from '../../core/providers.js';
import type { BrokerRules } from '../../core/site-policy.js';
import type { SandboxSpec } from '../../core/spec.js';
import { deny } from '../verdict.js';
import { withGitSettings } from './git-hosts.js';
import { routeVariable } from './route-names.js';

/** What a session has its broker for, by name. */
export type BrokerWish = Pick<SandboxSpec, 'providers' | 'git' | 'routes'>;

/** The same, each name once, as far as policy has it. Denials: broker.provider, broker.git, broker.route. */
export function decideWish(asked: BrokerWish, rules: BrokerRules): BrokerWish {
  const providers = [...new Set(asked.providers)];
  const git = [...new Set(asked.git?.map((host) => host.toLowerCase()))];
  const routes = [...new Set(asked.routes)];
  refuseForeign('broker.provider', 'the policy lets sandboxes call the models of', providers, rules.providers);
  refuseForeign('broker.git', 'the policy has tokens for the git hosts', git, Object.keys(rules.git));
  refuseForeign('broker.route', 'the policy has the routes', routes, Object.keys(rules.routes));
  return {
    ...(providers.length > 0 && { providers }),
    ...(git.length > 0 && { git }),
    ...(routes.length > 0 && { routes }),
  };
}

/** What of a session's spec and environment its broker makes. Denials: those of `decideWish`. */
export function decideBroker(asked: BrokerWish, rules: BrokerRules) {
  const spec = decideWish(asked, rules);
  const { providers = [], git = [], routes = [] } = spec;
  const places = Object.fromEntries(git.map((host) => [host, placeOf(`git/${host}`)]));
  return {
    spec,
    env: { ...providerEnvironment(providers), ...routeEnvironment(routes) },
    /** Adds the settings of git, which are counted, to the environment that is otherwise whole. */
    completed: (env: Readonly<Record<string, string>>) => withGitSettings(env, places),
  };
}

function refuseForeign(
  ruleId: 'broker.provider' | 'broker.git' | 'broker.route',
  what: string,
  asked: readonly string[],
  allowed: readonly string[],
): void {
  const foreign = asked.find((one) => !allowed.includes(one));
  if (foreign !== undefined) deny(ruleId, `${what} ${allowed.join(', ') || '(none)'}, not ${foreign}`);
}

function placeOf(path: string): string {
  return `http://127.0.0.1:${egressPorts.broker}/${path}`;
}

/** By which programs inside find the broker. Their clients insist on a key; what they get is none. */
function providerEnvironment(providers: readonly ProviderId[]): Readonly<Record<string, string>> {
  const all: Readonly<Record<ProviderId, Readonly<Record<string, string>>>> = {
    anthropic: { ANTHROPIC_BASE_URL: placeOf('anthropic'), ANTHROPIC_API_KEY: placeholderKey },
    openai: { OPENAI_BASE_URL: placeOf('openai/v1'), OPENAI_API_KEY: placeholderKey },
    google: { GOOGLE_GEMINI_BASE_URL: placeOf('google'), GEMINI_API_KEY: placeholderKey },
    bedrock: { AWS_ENDPOINT_URL_BEDROCK_RUNTIME: placeOf('bedrock'), AWS_BEARER_TOKEN_BEDROCK: placeholderKey },
  };
  return Object.assign({}, ...providers.map((id) => all[id])) as Record<string, string>;
}

/** The variables of every provider and of these routes, however many of them a session has. */
export function brokerEnvironment(routes: readonly string[]): Readonly<Record<string, string>> {
  return { ...providerEnvironment(providerIds), ...routeEnvironment(routes) };
}

function routeEnvironment(routes: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(routes.map((name) => [routeVariable(name), placeOf(name)]));
}
