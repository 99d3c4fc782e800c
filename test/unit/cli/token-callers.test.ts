import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Rights } from '../../../src/cli/http-caller.js';
import { doorOf } from '../../../src/cli/http-door.js';
import { TokenCallers } from '../../../src/cli/token-callers.js';
import type { OAuthGrant, OAuthSettings } from '../../../src/config/oauth.js';
import { usualQuota } from '../../../src/core/api-key.js';
import { IssuerUnavailable } from '../../../src/oauth/fetch-json.js';
import { IssuerKeys } from '../../../src/oauth/issuer-keys.js';
import { HttpStage } from '../mcp/http/support/stage.js';
import { type Asked, HandClock, Issuer, issuer, resource, rules } from '../oauth/support/issuer.js';

const ceiling = { roots: [], readWriteAllowed: false, profile: undefined, allow: [], providers: [], ceilings: {} };
const grantOf = (name: string, when: Readonly<Record<string, string>>): OAuthGrant => ({
  ...{ name, when, quota: usualQuota },
  ceiling: { ...ceiling, roots: [`/srv/${name}`] },
});

const settings: OAuthSettings = {
  ...{ issuer, resource, audience: resource, keySource: 'discover', caFile: undefined, algorithms: ['ES256'] },
  ...{ typed: true, skewMs: rules.skewMs, longestMs: rules.longestMs, keepSessionsMs: 60_000, keysToo: true },
  scopes: { 'paddock:read': ['list_sessions'], 'paddock:run': ['whoami'] },
  grants: [
    grantOf('admins', { groups: 'admins' }),
    grantOf('team', { team: 'blue' }),
    grantOf('root', { sub: 'root' }),
  ],
};

const key = `pdkey_${'a'.repeat(52)}`;
const metadataUrl = 'https://mcp.example.org/.well-known/oauth-protected-resource/mcp';

let theirs: Issuer;
let clock: HandClock;
let stage: HttpStage;
let callers: TokenCallers;
let welcomed: Rights[];
let shown: string[];
let isAway: boolean;
let away: unknown[];

beforeEach(async () => {
  theirs = await new Issuer().newKey('one');
  clock = new HandClock();
  [welcomed, shown, away, isAway] = [[], [], [], false];
  await open();
});

afterEach(async () => {
  await stage[Symbol.asyncDispose]();
  expect(stage.errors).toEqual([]);
});

async function open({ keysToo = true } = {}): Promise<void> {
  const load = () => (isAway ? Promise.reject(new IssuerUnavailable('away')) : theirs.keySet());
  const keys = new IssuerKeys(load, clock);
  callers = new TokenCallers({ settings, grants: settings.grants, keys, clock, onAway: (error) => away.push(error) });
  const welcome = (rights: Rights) => {
    welcomed.push(rights);
    if (rights.isScoped === true) stage.scoped.add(rights.id);
    return Promise.resolve(rights.id);
  };
  const grant = {
    version: 1,
    id: 'b'.repeat(16),
    name: 'ci',
    madeAtMs: 0,
    tools: [],
    ceiling,
    quota: usualQuota,
  } as const;
  const holderOf = (secret: string) => {
    shown.push(secret);
    const held = { grant, secrets: [], revokedAtMs: undefined, lastUsedMs: undefined };
    return Promise.resolve(secret === key ? held : undefined);
  };
  const ring = { holderOf, isGood: (id: string) => Promise.resolve(id === grant.id) };
  const door = doorOf({ ring, tokens: callers, keysToo, callers: { welcome }, onUnreadable: () => undefined });
  stage = await new HttpStage({}, { authenticate: door.admit, tokens: callers.source }).start();
}

const team = { team: 'blue' };
const bearer = (token: string | undefined) => ({ authorization: token === undefined ? undefined : `Bearer ${token}` });
const signed = ({ claims, header = {} }: Asked = {}) => theirs.sign('one', { claims: { ...team, ...claims }, header });

async function answerTo(token: string | undefined, more: Parameters<HttpStage['send']>[0] = {}) {
  const { status, headers, text } = await stage.send({ ...more, headers: { ...bearer(token), ...more.headers } });
  return { status, challenge: headers['www-authenticate'], text, id: headers['mcp-session-id'] };
}

const call = (name: string) => JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name } });

describe('a client without a token', () => {
  it('is told where it learns who gives them, and which scope to begin with', async () => {
    const { status, challenge } = await answerTo(undefined);
    expect(status).toBe(401);
    expect(challenge).toBe(`Bearer realm="paddock", scope="paddock:read", resource_metadata="${metadataUrl}"`);
  });

  it.each(['/.well-known/oauth-protected-resource/mcp', '/.well-known/oauth-protected-resource'])(
    'learns it at %s',
    async (path) => {
      const { status, headers, text } = await stage.send({ method: 'GET', path, headers: bearer(undefined) });
      expect([status, headers['content-type']]).toEqual([200, 'application/json']);
      expect(JSON.parse(text)).toEqual({
        ...{ resource, authorization_servers: [issuer], scopes_supported: ['paddock:read', 'paddock:run'] },
        ...{ bearer_methods_supported: ['header'], resource_name: 'Paddock' },
      });
    },
  );

  it('learns it under the right name only, and by no other method', async () => {
    const path = '/.well-known/oauth-protected-resource';
    const foreign = { host: 'evil.example.net' };
    expect(await stage.send({ method: 'GET', path, headers: foreign })).toMatchObject({ status: 403 });
    const page = { origin: 'https://evil.example.net' };
    expect(await stage.send({ method: 'GET', path, headers: page })).toMatchObject({ status: 403 });
    expect(await stage.send({ method: 'POST', path })).toMatchObject({ status: 405, headers: { allow: 'GET' } });
    expect(await stage.send({ method: 'GET', path: `${path}/other` })).toMatchObject({ status: 404 });
    expect(await stage.send({ method: 'GET', path: `${path}?x=1` })).toMatchObject({ status: 400 });
  });

  it('finds nothing there where only keys are taken', async () => {
    await stage[Symbol.asyncDispose]();
    stage = await new HttpStage().start();
    const path = '/.well-known/oauth-protected-resource';
    expect(await stage.send({ method: 'GET', path })).toMatchObject({ status: 404 });
    expect((await answerTo('x')).challenge).toBe('Bearer realm="paddock", error="invalid_token"');
  });
});

describe('the holder of a token', () => {
  it('begins an MCP session with what the site grants them, under a name that does not say who they are', async () => {
    expect(await answerTo(await signed())).toMatchObject({ status: 200, id: expect.stringMatching(/./) });
    const [{ id, name, tools, ceiling: given, isScoped }] = welcomed as [Rights];
    expect(isScoped).toBe(true);
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect({ name, tools, roots: given.roots }).toEqual({
      ...{ name: 'oauth:team', tools: ['list_sessions', 'whoami'], roots: ['/srv/team'] },
    });
  });

  it('is the same for every token of theirs, and another under another grant or another name', async () => {
    const asked: Asked['claims'][] = [
      {},
      { jti: 'x', scope: 'paddock:run' },
      { sub: 'bob' },
      { groups: ['x', 'admins'] },
    ];
    for (const claims of asked) await answerTo(await signed({ claims: { ...claims } }));
    const [first, again, other, more] = welcomed.map(({ id }) => id);
    expect(again).toBe(first);
    expect(new Set([first, other, more]).size).toBe(3);
  });

  it('uses no MCP session of another, even with its id', async () => {
    const { id } = await answerTo(await signed());
    const headers = { 'mcp-session-id': String(id) };
    const body = call('whoami');
    const bob = await signed({ claims: { sub: 'bob', scope: 'paddock:run' } });
    expect(await answerTo(bob, { headers, body })).toMatchObject({ status: 404 });
    const ada = await signed({ claims: { scope: 'paddock:run' } });
    expect(await answerTo(ada, { headers, body })).toMatchObject({ status: 200 });
  });

  it('is told which scope a call takes that the token lacks, beside those it has', async () => {
    const { id } = await answerTo(await signed());
    const headers = { 'mcp-session-id': String(id) };
    const refused = await answerTo(await signed(), { headers, body: call('whoami') });
    expect(refused.status).toBe(403);
    expect(refused.challenge).toBe(
      `Bearer realm="paddock", error="insufficient_scope", scope="paddock:read paddock:run", resource_metadata="${metadataUrl}"`,
    );
    const both = await signed({ claims: { scope: 'paddock:read paddock:run' } });
    const { status, text } = await answerTo(both, { headers, body: call('whoami') });
    expect([status, text]).toEqual([200, expect.stringContaining(`"caller":"${welcomed[0]?.id}"`)]);
    expect(await answerTo(both, { headers, body: call('no_such_tool') })).toMatchObject({ status: 200 });
    expect(stage.refused).toEqual([`scope ${welcomed[0]?.id}`]);
  });

  it('gets in with no scope of others alone', async () => {
    const scopes = [undefined, '', 'openid profile', 'paddock', 'paddock:read:x', 'PADDOCK:READ'];
    for (const scope of scopes) {
      const { status, challenge } = await answerTo(await signed({ claims: { scope } }));
      expect(status).toBe(403);
      expect(challenge).toContain('error="insufficient_scope", scope="paddock:read"');
    }
    expect(welcomed).toEqual([]);
  });

  it.each<[string, Record<string, unknown>]>([
    ['nothing of them', { team: undefined }],
    ['another text', { team: 'bluest' }],
    ['a list of others', { team: ['red'] }],
    ['a list in a list', { team: [['blue']] }],
    ['an object', { team: { blue: true } }],
    ['a text that holds it', { team: 'red blue' }],
    ['a claim of another name', { team: undefined, Team: 'blue' }],
  ])('gets nothing where no grant is for them: %s', async (_, claims) => {
    const { status, challenge } = await answerTo(await signed({ claims }));
    expect(status).toBe(403);
    expect(challenge).toBe(`Bearer realm="paddock", resource_metadata="${metadataUrl}"`);
    expect(welcomed).toEqual([]);
  });

  it('is nobody once the token is over, and what is theirs stays for as long as the site says', async () => {
    const token = await signed();
    await answerTo(token);
    const id = welcomed[0]?.id ?? '';
    clock.atMs += 300_000 + rules.skewMs;
    expect(await answerTo(token)).toMatchObject({ status: 401 });
    expect(callers.isGood(id)).toBe(true);
    clock.atMs += 60_000 - rules.skewMs;
    expect(callers.isGood(id)).toBe(false);
    expect(callers.isGood('f'.repeat(32))).toBe(false);
  });

  it('keeps what is theirs by the token that ends last, in whatever order they come', async () => {
    const [short, long] = [await signed(), await signed({ claims: { exp: clock.atMs / 1000 + 3000 } })];
    await answerTo(long);
    await answerTo(short);
    clock.atMs += 3_000_000;
    expect(callers.isGood(welcomed[0]?.id ?? '')).toBe(true);
  });
});

describe('a token that is not good', () => {
  it('is answered the same whatever is wrong with it; only the log says what', async () => {
    const other = await new Issuer().newKey('one');
    const tokens = [
      await signed({ claims: { aud: 'https://other.example.org' } }),
      await signed({ claims: { iss: 'https://other.example.org' } }),
      await signed({ claims: { exp: 1 } }),
      await signed({ header: { kid: 'two' } }),
      await signed({ header: { typ: 'JWT' } }),
      await other.sign('one'),
      'nonsense',
      'x'.repeat(8192),
    ];
    const replies = await Promise.all(tokens.map((token) => answerTo(token)));
    expect(new Set(replies.map((reply) => JSON.stringify(reply))).size).toBe(1);
    expect(replies[0]).toMatchObject({
      status: 401,
      challenge: `Bearer realm="paddock", error="invalid_token", scope="paddock:read", resource_metadata="${metadataUrl}"`,
    });
    const checks = ['audience', 'issuer', 'expired', 'key', 'type', 'signature', 'malformed', 'malformed'];
    expect([...stage.refused].sort()).toEqual(checks.map((check) => `wrong-token - ${check}`).sort());
    expect(welcomed).toEqual([]);
  });

  it('is not read when it is longer than any', async () => {
    expect(await answerTo('x'.repeat(8193))).toMatchObject({ status: 401 });
    expect(await answerTo('x'.repeat(20_000))).toMatchObject({ status: 431 });
    expect(stage.refused).toEqual(['no-key -']);
  });

  it('is not taken from a URL or a form', async () => {
    const token = await signed();
    const path = `/mcp?access_token=${token}`;
    expect(await answerTo(undefined, { path })).toMatchObject({ status: 400 });
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const body = `access_token=${token}`;
    expect(await answerTo(undefined, { headers: form, body })).toMatchObject({ status: 401 });
  });

  it('is not called wrong while the keys of its issuer are not to be had', async () => {
    isAway = true;
    const { status, headers } = await stage.send({ headers: bearer(await signed()) });
    expect([status, headers['retry-after'], headers['www-authenticate']]).toEqual([503, '5', undefined]);
    expect(away).toHaveLength(1);
  });
});

describe('keys and tokens beside each other', () => {
  it('do not get into each other’s hands', async () => {
    expect(await answerTo(key)).toMatchObject({ status: 200 });
    expect(await answerTo(await signed())).toMatchObject({ status: 200 });
    expect(shown).toEqual([key]);
    expect(welcomed.map(({ id }) => id.length)).toEqual([16, 32]);
  });

  it('need not be both: a site can leave keys out', async () => {
    await stage[Symbol.asyncDispose]();
    await open({ keysToo: false });
    expect(await answerTo(key)).toMatchObject({ status: 401 });
    expect(await answerTo(await signed())).toMatchObject({ status: 200 });
    expect(shown).toEqual([]);
  });
});
