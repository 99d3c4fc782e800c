import { expect, it } from 'vitest';
import { builtInPolicy } from '../../../../src/config/built-in-policy.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { Secret } from '../../../../src/kit/secret.js';
import type { BrokerWish } from '../../../../src/policy/broker/decide.js';
import type { GivenKeys } from '../../../../src/session/broker/take-keys.js';
import { carriedWish } from '../../../../src/session/broker/wish-like.js';

const canary = 'sk-ant-canary-0123456789';

function carried(wish: BrokerWish, keys: GivenKeys, environment: Record<string, string>) {
  const { broker } = builtInPolicy('/home/ada');
  const rule = { token: 'CODE_TOKEN', repositories: ['**'], push: false };
  const rules = { ...broker, providers: ['anthropic', 'openai', 'google'] as const, git: { 'code.example': rule } };
  return carriedWish({ wish, keys }, { sources: { environment }, rules, clock: systemClock });
}

it('has what there is a key or a token for, given to the other session or found here', async () => {
  const given = { secrets: { apiKey: new Secret(canary) } };
  const environment = { OPENAI_API_KEY: 'of-the-environment', CODE_TOKEN: 'of-the-environment' };
  expect(await carried({ providers: ['anthropic', 'openai'], git: ['code.example'] }, given, environment)).toEqual({
    wish: { providers: ['anthropic', 'openai'], git: ['code.example'], routes: [] },
    notes: [],
  });
});

it('is without the rest, and it is said what, why and what to do', async () => {
  const { wish, notes } = await carried(
    { providers: ['anthropic', 'google', 'bedrock'], git: ['code.example'], routes: ['tracker'] },
    { secrets: {} },
    { GEMINI_API_KEY: 'x' },
  );
  expect(wish).toEqual({ providers: ['google'], git: [], routes: [] });
  expect(notes).toEqual([
    expect.stringMatching(/anthropic.*there is no key.*environment.*key file.*snapshot/),
    expect.stringMatching(/bedrock.*the policy lets sandboxes call/),
    expect.stringMatching(/git has no token \(code\.example\).*there is no token/),
    expect.stringMatching(/no routes \(tracker\).*the policy has the routes/),
  ]);
});

it('names no key that is of no use', async () => {
  const given = { secrets: { apiKey: new Secret(canary) } };
  const { notes } = await carried({ providers: ['google'] }, given, { OPENAI_API_KEY: canary });
  expect(notes).toHaveLength(1);
  expect(notes.join()).not.toContain(canary);
});
