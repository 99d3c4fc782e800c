import { headerKey } from '../credentials/header.js';
import { noKey } from '../credentials/no-key.js';
import { judgeChat } from '../judge/openai-chat.js';
import { judgeResponses } from '../judge/openai-responses.js';
import type { BrokerRoute, Endpoint } from '../types.js';
import { OpenAiTally } from '../usage/openai.js';
import type { ProviderRoute } from './anthropic.js';
import { name } from './patterns.js';

/**
 * OpenAI's API at `/openai`: clients have `…/openai/v1` for a base URL, as they have it of OpenAI, so an upstream that is given as
 * `https://HOST/v1` is the same as one without.
 */
export function openAiRoute({ upstream, key, serverTools = [] }: ProviderRoute): BrokerRoute {
  const base = new URL(upstream);
  base.pathname = base.pathname.replace(/\/v1\/?$/, '/');
  const newTally = () => new OpenAiTally();
  const call = (...path: string[]): Endpoint => ({ method: 'POST', path: ['v1', ...path], body: judgeChat, newTally });
  return {
    id: 'openai',
    prefix: ['openai'],
    upstream: base,
    endpoints: [
      { ...call('responses'), body: judgeResponses },
      call('chat', 'completions'),
      call('completions'),
      call('embeddings'),
      { method: 'GET', path: ['v1', 'models'], query: { client_version: /^[\w.+-]{1,40}$/ }, body: 'none' },
      { method: 'GET', path: ['v1', 'models', name], body: 'none' },
    ],
    headers: ['openai-beta'],
    authenticate:
      key === undefined ? noKey('OpenAI') : headerKey({ name: 'authorization', prefix: 'Bearer ', secret: key.secret }),
    serverTools,
    refusals: 'json',
  };
}
