import { chmod, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { builtInPolicy } from '../../../../src/config/built-in-policy.js';
import type { GitHostRule, RouteRule } from '../../../../src/core/site-policy.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { brokerRoutes } from '../../../../src/session/broker/broker-routes.js';
import type { KeySources } from '../../../../src/session/broker/provider-routes.js';
import { brokeredHostsOf } from '../../../../src/session/broker/wish.js';
import { codeOf } from '../../../support/code-of.js';
import { temporaryFolder } from '../../egress/broker/support/temporary-folder.js';

const canary = 'ghp_canary0123456789';

interface Wanted {
  readonly git?: Partial<GitHostRule>;
  readonly route?: Partial<RouteRule>;
  readonly sources?: KeySources;
  readonly isShut?: boolean;
}

function routes({ git, route, sources = { environment: {} }, isShut = false }: Wanted) {
  const host: GitHostRule = { token: 'CODE_TOKEN', repositories: ['**'], push: false, ...git };
  const own: RouteRule = {
    ...{ token: 'T_TOKEN', upstream: 'https://api.tickets.test/x', header: 'authorization', prefix: 'Bearer ' },
    ...{ allow: [{ method: 'PUT', path: '/v1/*' }], passHeaders: [], ...route },
  };
  const rules = {
    ...builtInPolicy('/').broker,
    ...{ environment: !isShut, git: { 'code.test:8443': host }, routes: { tickets: own } },
  };
  const wish = route === undefined ? { git: ['code.test:8443'] } : { routes: ['tickets'] };
  return brokerRoutes(wish, { given: { secrets: {} }, sources, rules, clock: systemClock });
}

async function authorizationOf(found: ReturnType<typeof routes>): Promise<string | undefined> {
  const [route] = await found;
  const outgoing = { method: 'GET', url: new URL('https://example.org/'), headers: {}, body: undefined } as const;
  return (await route?.authenticate(outgoing, new AbortController().signal))?.headers['authorization'];
}

const basic = (user: string) => `Basic ${Buffer.from(`${user}:${canary}`).toString('base64')}`;
const inEnvironment = { environment: { CODE_TOKEN: ` ${canary}\n`, T_TOKEN: canary } };

it('takes the token of a git host from the variable that policy names, and nothing from where that is shut', async () => {
  expect(await authorizationOf(routes({ sources: inEnvironment }))).toBe(basic('x-access-token'));
  expect(await authorizationOf(routes({ git: { user: 'x-token-auth' }, sources: inEnvironment }))).toBe(
    basic('x-token-auth'),
  );
  expect(await codeOf(routes({ sources: inEnvironment, isShut: true }))).toBe('BAD_ARGUMENT');
  expect(await codeOf(routes({ sources: { environment: { CODE_TOKEN: ' ' } } }))).toBe('BAD_ARGUMENT');
  expect(await codeOf(routes({ sources: { environment: { CODE_TOKEN: 'two words' } } }))).toBe('BAD_CONFIG');
});

it('takes it from the key file, or from a file of its own, that only its owner can read', async () => {
  await using folder = await temporaryFolder();
  const [keyFile, tokenFile, link] = ['keys', 'token', 'link'].map((name) => join(folder.path, name)) as [
    ...[string, string, string],
  ];
  await writeFile(keyFile, `CODE_TOKEN=${canary}\n`, { mode: 0o600 });
  await writeFile(tokenFile, `${canary}\n`, { mode: 0o600 });
  await symlink(tokenFile, link);
  const filed = { environment: {}, keyFile };
  expect(await authorizationOf(routes({ sources: filed, isShut: true }))).toBe(basic('x-access-token'));
  const alone = (path: string): Wanted => ({ git: { tokenFile: path } });
  expect(await authorizationOf(routes(alone(tokenFile)))).toBe(basic('x-access-token'));
  expect(await codeOf(routes(alone(link)))).toBe('BAD_CONFIG');
  expect(await codeOf(routes(alone(join(folder.path, 'none'))))).toBe('BAD_CONFIG');
  await chmod(tokenFile, 0o640);
  expect(await codeOf(routes(alone(tokenFile)))).toBe('BAD_CONFIG');
});

it('takes authorities from a file that others can read, and not write', async () => {
  await using folder = await temporaryFolder();
  const caFile = join(folder.path, 'ca.pem');
  await writeFile(caFile, 'PEM', { mode: 0o644 });
  expect((await routes({ git: { caFile }, sources: inEnvironment }))[0]?.ca).toBe('PEM');
  expect((await routes({ route: { caFile }, sources: inEnvironment }))[0]?.ca).toBe('PEM');
  await chmod(caFile, 0o664);
  expect(await codeOf(routes({ git: { caFile }, sources: inEnvironment }))).toBe('BAD_CONFIG');
});

it('makes a route of the site’s own, with its header and what may be asked', async () => {
  const [route] = await routes({ route: {}, sources: inEnvironment });
  expect(route).toMatchObject({ id: 'tickets', prefix: ['tickets'], endpoints: [{ method: 'PUT', body: 'stream' }] });
  expect(await authorizationOf(routes({ route: {}, sources: inEnvironment }))).toBe(`Bearer ${canary}`);
  expect(await codeOf(routes({ route: { upstream: 'http://api.tickets.test' }, sources: inEnvironment }))).toBe(
    'BAD_CONFIG',
  );
});

it('keeps every way to a host for the broker, also where there is no token for it any more', async () => {
  const own = { token: 'T', repositories: ['**'], push: false };
  const rules = {
    git: { 'code.test:8443': { ...own, upstream: 'https://real.test' }, 'plain.test': own },
    routes: {},
  };
  const wish = { git: ['code.test:8443', 'gone.test'] };
  expect(brokeredHostsOf(wish, rules)).toEqual(['code.test', 'gone.test', 'real.test']);
  expect(brokeredHostsOf(wish, undefined)).toEqual(['code.test', 'gone.test']);
  const made = await routes({ route: {}, sources: inEnvironment });
  expect(brokeredHostsOf({ routes: ['tickets'] }, undefined, made)).toEqual(['api.tickets.test']);
});
