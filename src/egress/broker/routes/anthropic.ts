import { headerKey } from '../credentials/header.js';
import { noKey } from '../credentials/no-key.js';
import { judgeAnthropic } from '../judge/anthropic.js';
import type { ProviderKey } from '../keys.js';
import type { Authenticate, BrokerRoute } from '../types.js';
import { AnthropicTally } from '../usage/anthropic.js';
import { count, listQuery, name } from './patterns.js';

export interface ProviderRoute {
  readonly upstream: URL;
  readonly key: ProviderKey | undefined;
  readonly serverTools?: readonly string[];
}

/** Anthropic's Messages API at `/anthropic`. */
export function anthropicRoute({ upstream, key, serverTools = [] }: ProviderRoute): BrokerRoute {
  return {
    id: 'anthropic',
    prefix: ['anthropic'],
    upstream,
    endpoints: [
      {
        method: 'POST',
        path: ['v1', 'messages'],
        query: { beta: /^true$/ },
        body: judgeAnthropic,
        newTally: () => new AnthropicTally(),
      },
      { method: 'POST', path: ['v1', 'messages', 'count_tokens'], query: { beta: /^true$/ }, body: judgeAnthropic },
      { method: 'GET', path: ['v1', 'models'], query: { ...listQuery, beta: /^true$/, limit: count }, body: 'none' },
      { method: 'GET', path: ['v1', 'models', name], query: { beta: /^true$/ }, body: 'none' },
    ],
    headers: ['anthropic-version', 'anthropic-beta'],
    authenticate: key === undefined ? noKey('Anthropic') : authenticate(key),
    serverTools,
    refusals: 'json',
  };
}

/** Anthropic takes the tokens of a login only with this mark, whatever client sends them. */
const oauthBeta = 'oauth-2025-04-20';

function authenticate({ kind, secret }: ProviderKey): Authenticate {
  if (kind === 'api-key') return headerKey({ name: 'x-api-key', secret });
  const bearer = headerKey({ name: 'authorization', prefix: 'Bearer ', secret });
  if (kind === 'bearer') return bearer;
  return async (outgoing, signal) => {
    const authenticated = await bearer(outgoing, signal);
    const asked = (outgoing.headers['anthropic-beta'] ?? '').split(',').map((beta) => beta.trim());
    const betas = [...asked.filter((beta) => beta !== '' && beta !== oauthBeta), oauthBeta].join(',');
    return { ...authenticated, headers: { ...authenticated.headers, 'anthropic-beta': betas } };
  };
}
