import { describe, expect, it } from 'vitest';
import { anthropicRoute } from '../../../../src/egress/broker/routes/anthropic.js';
import { googleRoute } from '../../../../src/egress/broker/routes/google.js';
import { openAiRoute } from '../../../../src/egress/broker/routes/openai.js';
import { upstreamUrl } from '../../../../src/egress/broker/routes/upstream.js';
import { Secret } from '../../../../src/kit/secret.js';
import { sendJson } from './support/fake-provider.js';
import { ask } from './support/inside.js';
import { canary, canaryKey, message, opened } from './support/open.js';

const answer = (_request: unknown, response: Parameters<typeof sendJson>[0]) =>
  sendJson(response, { usage: { prompt_tokens: 1 } });
const all = (upstream: URL) => [
  anthropicRoute({ upstream, key: { ...canaryKey, kind: 'oauth' } }),
  openAiRoute({ upstream: new URL('/some/v1', upstream), key: canaryKey }),
  googleRoute({ upstream, key: canaryKey }),
];

describe('the built-in routes', () => {
  it.each([
    ['POST', '/anthropic/v1/messages', '/v1/messages'],
    ['POST', '/anthropic/v1/messages/count_tokens?beta=true', '/v1/messages/count_tokens?beta=true'],
    ['GET', '/anthropic/v1/models?limit=1000', '/v1/models?limit=1000'],
    ['GET', '/anthropic/v1/models/claude-sonnet-5', '/v1/models/claude-sonnet-5'],
    ['POST', '/openai/v1/responses', '/some/v1/responses'],
    ['POST', '/openai/v1/chat/completions', '/some/v1/chat/completions'],
    ['POST', '/openai/v1/completions', '/some/v1/completions'],
    ['POST', '/openai/v1/embeddings', '/some/v1/embeddings'],
    ['GET', '/openai/v1/models', '/some/v1/models'],
    ['POST', '/google/v1beta/models/gemini-x:generateContent', '/v1beta/models/gemini-x:generateContent'],
    [
      'POST',
      '/google/v1beta/models/gemini-x%3AstreamGenerateContent?alt=sse',
      '/v1beta/models/gemini-x:streamGenerateContent?alt=sse',
    ],
    ['POST', '/google/v1beta/models/gemini-x:countTokens', '/v1beta/models/gemini-x:countTokens'],
    ['GET', '/google/v1beta/models?pageSize=50', '/v1beta/models?pageSize=50'],
  ])('pass %s %s', async (method, path, url) => {
    await using here = await opened(answer, {}, all);
    const body = method === 'POST' ? { body: '{"model":"m"}' } : {};
    expect(await ask(here.broker, { method, path, ...body })).toMatchObject({ status: 200 });
    expect(here.provider.seen).toMatchObject([{ method, url }]);
    expect(here.provider.seen[0]?.rawHeaders.join('\n')).toContain(canary);
  });

  it.each([
    ['POST', '/openai/v1/files'],
    ['POST', '/openai/v1/fine_tuning/jobs'],
    ['GET', '/openai/v1/responses/resp_1'],
    ['POST', '/openai/v1/conversations'],
    ['POST', '/openai/v1/containers'],
    ['POST', '/openai/v1/batches'],
    ['POST', '/google/upload/v1beta/files'],
    ['POST', '/google/v1beta/cachedContents'],
    ['POST', '/google/v1beta/models/gemini-x:batchGenerateContent'],
    ['POST', '/google/v1beta/models/gemini-x:generateContent?key=x'],
    ['POST', '/google/v1beta/models/a%2Fb:generateContent'],
    ['GET', '/anthropic/v1/organizations/api_keys'],
    ['POST', '/anthropic/v1/complete'],
  ])('do not pass %s %s', async (method, path) => {
    await using here = await opened(answer, {}, all);
    const refused = await ask(here.broker, { method, path, ...(method === 'POST' ? { body: '{}' } : {}) });
    expect(refused.headers['x-paddock-rule']).toMatch(/^broker\.(?:path|query|method)$/);
    expect(here.provider.seen).toEqual([]);
  });

  it('mark the token of a login as Anthropic wants it, beside what the client asks for', async () => {
    await using here = await opened(answer, {}, all);
    await ask(here.broker, { path: '/anthropic/v1/messages', body: message(), headers: { 'anthropic-beta': 'a, b' } });
    expect(here.provider.seen[0]?.headers).toMatchObject({
      authorization: `Bearer ${canary}`,
      'anthropic-beta': 'a,b,oauth-2025-04-20',
    });
    expect(here.provider.seen[0]?.headers['x-api-key']).toBeUndefined();
  });

  it('say what is missing where no key was given', async () => {
    const none = (upstream: URL) => [
      anthropicRoute({ upstream, key: undefined }),
      openAiRoute({ upstream, key: undefined }),
      googleRoute({ upstream, key: undefined }),
    ];
    await using here = await opened(answer, {}, none);
    for (const path of ['/anthropic/v1/models', '/openai/v1/models', '/google/v1beta/models']) {
      expect(await ask(here.broker, { path })).toMatchObject({
        status: 503,
        headers: { 'x-paddock-rule': 'broker.key' },
      });
    }
    expect(here.provider.seen).toEqual([]);
  });

  it('let through server tools that are allowed by name, and no others', async () => {
    const routes = (upstream: URL) => [anthropicRoute({ upstream, key: canaryKey, serverTools: ['web_search'] })];
    await using here = await opened(answer, {}, routes);
    const search = { type: 'web_search_20250305', name: 'web_search' };
    const path = '/anthropic/v1/messages';
    expect((await ask(here.broker, { path, body: message({ tools: [search] }) })).status).toBe(200);
    const fetch = { type: 'web_fetch_20250910', name: 'web_fetch' };
    const refused = await ask(here.broker, { path, body: message({ tools: [search, fetch] }) });
    expect(refused).toMatchObject({ status: 403, headers: { 'x-paddock-rule': 'broker.server-tool' } });
    expect(refused.text).toContain('\\"web_fetch\\" added to serverTools of anthropic');
    expect(here.provider.seen).toHaveLength(1);
  });

  it('name their places inside', async () => {
    await using here = await opened(answer, {}, all);
    expect(here.broker.places).toEqual({
      anthropic: 'http://127.0.0.1:61200/anthropic',
      openai: 'http://127.0.0.1:61200/openai',
      google: 'http://127.0.0.1:61200/google',
    });
  });
});

describe('the address of a provider', () => {
  it('is https, or http on this machine', () => {
    for (const text of [
      'https://api.example.test/base',
      'http://127.0.0.1:8080',
      'http://localhost:1',
      'http://[::1]/',
    ]) {
      expect(upstreamUrl(text, 'X').href).toContain(text);
    }
  });

  it('is refused otherwise, without being quoted', () => {
    const key = new Secret('hunter2-hunter2');
    const bad = [
      'http://api.example.test',
      'http://127.0.0.1.example.test',
      'http://2130706433.example.test',
      `https://user:${key.reveal()}@example.test`,
      `https://example.test/?key=${key.reveal()}`,
      'ftp://127.0.0.1',
      'file:///etc/passwd',
      `no url ${key.reveal()}`,
    ];
    for (const text of bad) {
      const thrown = expect.objectContaining({
        code: 'BAD_CONFIG',
        message: expect.not.stringContaining(key.reveal()) as string,
      });
      expect(() => upstreamUrl(text, 'ANTHROPIC_BASE_URL')).toThrow(thrown as Error);
    }
  });
});
