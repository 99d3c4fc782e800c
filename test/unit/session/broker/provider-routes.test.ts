import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { builtInPolicy } from '../../../../src/config/built-in-policy.js';
import type { ProviderId } from '../../../../src/core/providers.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { Secret } from '../../../../src/kit/secret.js';
import { providerRoutes, type RouteParts } from '../../../../src/session/broker/provider-routes.js';
import { brokeredHostsOf } from '../../../../src/session/broker/wish.js';
import { codeOf } from '../../../support/code-of.js';

// AWS's own settings on this machine are nobody's business here.
beforeEach(() => {
  for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(name, '/nowhere');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const canary = 'sk-ant-canary-0123456789';

function routes(providers: readonly ProviderId[], parts: Partial<RouteParts> = {}, allowed = true) {
  return providerRoutes(providers, {
    ...{ given: { secrets: {} }, sources: { environment: {} }, clock: systemClock },
    rules: { ...builtInPolicy('/').broker, environment: allowed },
    ...parts,
  });
}
const environment = (texts: Record<string, string>) => ({ sources: { environment: texts } });

async function keyOf(found: ReturnType<typeof routes>): Promise<string | undefined> {
  const [route] = await found;
  const outgoing = { method: 'POST', url: new URL('https://example.org/'), headers: {}, body: undefined } as const;
  return (await route?.authenticate(outgoing, new AbortController().signal))?.headers['x-api-key'];
}

it('makes the routes that were asked for and no other, with the key of the request before that of the environment', async () => {
  const known = environment({ ANTHROPIC_API_KEY: 'of-the-environment', OPENAI_API_KEY: 'another-key-entirely' });
  expect((await routes(['anthropic'], known)).map(({ id }) => id)).toEqual(['anthropic']);
  expect(await keyOf(routes(['anthropic'], known))).toBe('of-the-environment');
  expect(await keyOf(routes(['anthropic'], { ...known, given: { secrets: { apiKey: new Secret(canary) } } }))).toBe(
    canary,
  );
});

it('refuses a provider without a key, and keys of the environment where policy does not let them be used', async () => {
  const all = environment({ ANTHROPIC_API_KEY: canary, AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'AKIA' });
  expect(await codeOf(routes(['anthropic'], all))).toBe('ok');
  expect(await codeOf(routes(['anthropic'], all, false))).toBe('BAD_ARGUMENT');
  expect(await codeOf(routes(['openai'], all))).toBe('BAD_ARGUMENT');
  // AWS's own tools are asked when a request comes, and not at all without leave.
  expect(await codeOf(routes(['bedrock'], all))).toBe('ok');
  expect(await codeOf(routes(['bedrock'], all, false))).toBe('BAD_ARGUMENT');
  expect(await codeOf(routes(['bedrock'], { ...all, given: { secrets: {}, awsProfile: 'work' } }, false))).toBe(
    'BAD_ARGUMENT',
  );
  expect(await codeOf(routes(['bedrock']))).toBe('BAD_ARGUMENT');
});

it('names the variable that a key is looked for in, and the environment only where policy lets it be used', async () => {
  await expect(routes(['openai'])).rejects.toMatchObject({
    hint: expect.stringMatching(/^Set OPENAI_API_KEY in the environment that Paddock is started with/) as unknown,
  });
  await expect(routes(['anthropic'], undefined, false)).rejects.toMatchObject({
    hint: expect.stringMatching(/^Set ANTHROPIC_API_KEY in the key file/) as unknown,
  });
});

it('takes the address of a provider from the environment all the same, and is not hindered by a broken one of another', async () => {
  const sources = environment({ ANTHROPIC_BASE_URL: 'https://models.example/x', OPENAI_BASE_URL: 'ftp://broken' });
  const given = { secrets: { apiKey: new Secret(canary) } };
  const [route] = await routes(['anthropic'], { ...sources, given }, false);
  expect(route?.upstream.href).toBe('https://models.example/x');
  expect(brokeredHostsOf({ providers: ['anthropic'] }, undefined, route === undefined ? [] : [route])).toEqual([
    'api.anthropic.com',
    'models.example',
  ]);
  expect(
    await codeOf(routes(['openai'], { ...sources, given: { secrets: { openaiApiKey: new Secret(canary) } } })),
  ).toBe('BAD_CONFIG');
});

it('reads the key file, and refuses one that others can read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'paddock-keys-'));
  try {
    const keyFile = join(folder, 'keys');
    await writeFile(keyFile, `ANTHROPIC_API_KEY=${canary}\n`, { mode: 0o600 });
    expect(await keyOf(routes(['anthropic'], { sources: { environment: {}, keyFile } }, false))).toBe(canary);
    const open = join(folder, 'open');
    await writeFile(open, `ANTHROPIC_API_KEY=${canary}\n`, { mode: 0o644 });
    expect(await codeOf(routes(['anthropic'], { sources: { environment: {}, keyFile: open } }))).toBe('BAD_CONFIG');
  } finally {
    await rm(folder, { recursive: true });
  }
});
