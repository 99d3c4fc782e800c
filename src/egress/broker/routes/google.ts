import { headerKey } from '../credentials/header.js';
import { noKey } from '../credentials/no-key.js';
import { judgeGoogle } from '../judge/google.js';
import type { BrokerRoute } from '../types.js';
import { GoogleTally } from '../usage/google.js';
import type { ProviderRoute } from './anthropic.js';
import { name, pageQuery } from './patterns.js';

const call = (methods: string) => new RegExp(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}:(?:${methods})$`);

/** Google's Gemini API at `/google`. Its keys can stand in the URL (`?key=`), which is refused: URLs end up in logs. */
export function googleRoute({ upstream, key, serverTools = [] }: ProviderRoute): BrokerRoute {
  const models = ['v1beta', 'models'];
  const alt = /^(?:sse|json)$/;
  return {
    id: 'google',
    prefix: ['google'],
    upstream,
    endpoints: [
      {
        method: 'POST',
        path: [...models, call('generateContent|streamGenerateContent')],
        query: { alt },
        body: judgeGoogle,
        newTally: () => new GoogleTally(),
      },
      { method: 'POST', path: [...models, call('countTokens')], query: { alt }, body: judgeGoogle },
      { method: 'GET', path: models, query: pageQuery, body: 'none' },
      { method: 'GET', path: [...models, name], body: 'none' },
    ],
    headers: [],
    authenticate: key === undefined ? noKey('Google') : headerKey({ name: 'x-goog-api-key', secret: key.secret }),
    serverTools,
    refusals: 'json',
  };
}
