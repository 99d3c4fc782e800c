import { expect, it } from 'vitest';
import { builtInPolicy } from '../../../../src/config/built-in-policy.js';
import type { BrokerRules } from '../../../../src/core/site-policy.js';
import { decideBroker } from '../../../../src/policy/broker/decide.js';
import { settle } from '../../../../src/policy/verdict.js';

const rules: BrokerRules = {
  ...builtInPolicy('/').broker,
  git: { 'code.test': { token: 'CODE_TOKEN', repositories: ['**'], push: false } },
  routes: {
    'my-tickets': {
      ...{ token: 'T', upstream: 'https://t.test', header: 'authorization', prefix: 'Bearer ' },
      ...{ allow: [{ method: 'GET', path: '/v1' }], passHeaders: [] },
    },
  },
};

it('gives a session by name what policy has, each once, and the environment by which programs find it', () => {
  const asked = { providers: [], git: ['Code.test', 'code.test'], routes: ['my-tickets'] };
  const { spec, env, completed } = decideBroker(asked, rules);
  expect(spec).toEqual({ git: ['code.test'], routes: ['my-tickets'] });
  expect(env).toEqual({ PADDOCK_BROKER_MY_TICKETS: 'http://127.0.0.1:61200/my-tickets' });
  expect(completed({ A: 'b' })).toMatchObject({
    ...{ A: 'b', GIT_CONFIG_COUNT: '4', GIT_CONFIG_VALUE_0: 'https://code.test/' },
    GIT_CONFIG_KEY_0: 'url.http://127.0.0.1:61200/git/code.test/.insteadOf',
  });
});

it('leaves spec and environment as they are where nothing was asked for', () => {
  const { spec, env, completed } = decideBroker({ providers: [], git: [], routes: [] }, rules);
  expect([spec, env, completed({ A: 'b' })]).toEqual([{}, {}, { A: 'b' }]);
});

it.each([
  ['broker.git', { git: ['other.test'] }],
  ['broker.git', { git: ['constructor'] }],
  ['broker.git', { git: ['code.test:8443'] }],
  ['broker.route', { routes: ['other'] }],
  ['broker.route', { routes: ['__proto__'] }],
] as const)('refuses by %s what policy does not have: %j', (ruleId, asked) => {
  const verdict = settle(() => decideBroker(asked, rules));
  expect(verdict).toMatchObject({ verdict: 'deny', ruleId, hint: expect.stringContaining('site policy') as string });
});
