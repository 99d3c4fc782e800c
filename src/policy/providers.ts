import { egressPorts } from '../core/egress.js';
import { type ProviderId, placeholderKey } from '../core/providers.js';
import type { BrokerRules } from '../core/site-policy.js';
import { deny } from './verdict.js';

/** The providers that a session may have, each once. Denials: broker.provider. */
export function decideProviders(asked: readonly ProviderId[], { providers }: BrokerRules): readonly ProviderId[] {
  const foreign = asked.find((id) => !providers.includes(id));
  if (foreign !== undefined) {
    const allowed = providers.length === 0 ? 'none' : providers.join(', ');
    deny('broker.provider', `the policy lets sandboxes reach ${allowed}, not ${foreign}`);
  }
  return [...new Set(asked)];
}

/** What of a session's spec and environment its providers make. Denials: broker.provider. */
export function decideModels(asked: readonly ProviderId[], rules: BrokerRules) {
  const providers = decideProviders(asked, rules);
  return { spec: providers.length > 0 ? { providers } : {}, env: providerEnvironment(providers) };
}

/** By which programs inside find the broker. Their clients insist on a key; what they get is none. */
function providerEnvironment(providers: readonly ProviderId[]): Readonly<Record<string, string>> {
  const place = (path: string) => `http://127.0.0.1:${egressPorts.broker}/${path}`;
  const all: Readonly<Record<ProviderId, Readonly<Record<string, string>>>> = {
    anthropic: { ANTHROPIC_BASE_URL: place('anthropic'), ANTHROPIC_API_KEY: placeholderKey },
    openai: { OPENAI_BASE_URL: place('openai/v1'), OPENAI_API_KEY: placeholderKey },
    google: { GOOGLE_GEMINI_BASE_URL: place('google'), GEMINI_API_KEY: placeholderKey },
    bedrock: { AWS_ENDPOINT_URL_BEDROCK_RUNTIME: place('bedrock'), AWS_BEARER_TOKEN_BEDROCK: placeholderKey },
  };
  return Object.assign({}, ...providers.map((id) => all[id])) as Record<string, string>;
}
