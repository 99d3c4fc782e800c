import { describe, expect, it } from 'vitest';
import { describeConfig } from '../../../src/config/describe.js';
import { loadConfig } from '../../../src/config/load.js';

const userFile = '/home/ada/.config/paddock/config.toml';

function settings(text: string) {
  const found = { text, ownerUid: 1000, mode: 0o644 };
  const readFile = (path: string) => Promise.resolve(path === userFile ? found : undefined);
  const effects = { readFile, readFolder: () => Promise.resolve(undefined) };
  return loadConfig({ env: {}, flags: {}, homeDir: '/home/ada', uid: 1000, effects });
}

const needed = {
  issuer: '"https://login.example.org/team"',
  resource: '"https://mcp.example.org/mcp"',
  scopes: '{ "paddock:read" = ["read"] }',
  grants: '[{ name = "team", when = { team = "blue" } }]',
};

/** The table with these instead of what is needed, or besides it. */
function table(given: Readonly<Record<string, string | undefined>> = {}) {
  const lines = Object.entries<string | undefined>({ ...needed, ...given });
  const text = lines.flatMap(([key, value]) => (value === undefined ? [] : `${key} = ${value}`)).join('\n');
  return settings(`[http.oauth]\n${text}`);
}

describe('whose access tokens are taken', () => {
  it('is nobody’s unless the user’s file says so', async () => {
    expect((await settings('')).oauth).toBeUndefined();
  });

  it('is what little has to be said, with everything else as tight as it goes', async () => {
    const config = await table();
    const { grants, ...others } = config.oauth ?? {};
    expect(others).toEqual({
      ...{ issuer: 'https://login.example.org/team', resource: 'https://mcp.example.org/mcp' },
      ...{ audience: 'https://mcp.example.org/mcp', keySource: 'discover', caFile: undefined, typed: true },
      algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'],
      ...{ skewMs: 30_000, longestMs: 86_400_000, keepSessionsMs: 1_800_000, keysToo: true },
      scopes: { 'paddock:read': ['read'] },
    });
    const [{ ceiling, quota } = { ceiling: undefined, quota: undefined }] = grants ?? [];
    expect(ceiling).toEqual({ roots: [], readWriteAllowed: false, allow: [], providers: [], ceilings: {} });
    expect(quota).toEqual({ callsPerMinute: 600, createsPerHour: 60, sessions: 4 });
    expect(describeConfig(config).settings.find(({ key }) => key === 'oauth')?.origin).toBe(`file:${userFile}`);
  });

  it('may be said in full', async () => {
    const { oauth } = await table({
      ...{ jwks_file: '"~/keys.json"', ca_file: '"~/ca.pem"', keys: 'false', audience: '"api"', token_type: '"any"' },
      ...{ algorithms: '["RS512"]', skew: '"1m"', longest: '"1h"', keep_sessions: '"5m"' },
      grants:
        '[{ name = "team", when = {}, roots = ["~/app"], allow = ["npm"], memory = "2g", cpus = 1.5, calls = 10, cpu_time = "4h" }]',
    });
    expect(oauth).toMatchObject({
      ...{ keySource: { file: '/home/ada/keys.json' }, caFile: '/home/ada/ca.pem', keysToo: false, audience: 'api' },
      ...{ typed: false, algorithms: ['RS512'], skewMs: 60_000, longestMs: 3_600_000, keepSessionsMs: 300_000 },
    });
    expect(oauth?.grants[0]).toMatchObject({
      ceiling: {
        roots: ['/home/ada/app'],
        allow: ['preset:npm'],
        ceilings: { memoryBytes: 2 * 1024 ** 3, cpuMillis: 1500 },
      },
      quota: { callsPerMinute: 10, cpuMsPerDay: 14_400_000 },
    });
  });

  it.each(['HS256', 'HS512', 'none', 'dir', 'RSA-OAEP', ''])('is never said with the algorithm %j', async (alg) => {
    await expect(table({ algorithms: `["${alg}"]` })).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  });

  it.each<[string, Readonly<Record<string, string | undefined>>]>([
    ['no issuer', { issuer: undefined }],
    ['an issuer without TLS', { issuer: '"http://login.example.org"' }],
    ['an issuer of the loopback without TLS', { issuer: '"http://127.0.0.1:8080"' }],
    ['an issuer with a query', { issuer: '"https://login.example.org/?x"' }],
    ['no resource', { resource: undefined }],
    ['a resource without TLS', { resource: '"http://mcp.example.org/mcp"' }],
    ['a resource with a fragment', { resource: '"https://mcp.example.org/mcp#x"' }],
    ['a resource with a password', { resource: '"https://ada:pw@mcp.example.org/mcp"' }],
    ['keys without TLS', { jwks_uri: '"http://login.example.org/keys"' }],
    ['keys in two places', { jwks_uri: '"https://login.example.org/keys"', jwks_file: '"/keys.json"' }],
    ['a file that is relative', { jwks_file: '"keys.json"' }],
    ['clocks that are hours apart', { skew: '"1h"' }],
    ['no scopes', { scopes: '{}' }],
    ['a scope that ends the header it stands in', { scopes: `{ 'a"b' = ["read"] }` }],
    ['a scope that is two', { scopes: '{ "a b" = ["read"] }' }],
    ['a scope without tools', { scopes: '{ a = [] }' }],
    ['no grants', { grants: '[]' }],
    ['a grant that does not say for whom', { grants: '[{ name = "team" }]' }],
    ['two grants of one name', { grants: '[{ name = "a", when = {} }, { name = "a", when = {} }]' }],
    ['a grant of everything outside', { grants: '[{ name = "a", when = {}, allow = ["*"] }]' }],
    ['something misspelt', { isuer: '"x"' }],
  ])('can not be said with %s', async (_, given) => {
    await expect(table(given)).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  });

  it('may be a server of the loopback without TLS', async () => {
    for (const url of ['http://127.0.0.1:8484/mcp', 'http://[::1]:8484/mcp', 'http://localhost:8484/mcp']) {
      expect((await table({ resource: `"${url}"` })).oauth?.resource).toBe(url);
    }
  });
});
