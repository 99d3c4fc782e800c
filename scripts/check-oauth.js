// `scripts/check-oauth`: the built server over HTTPS with access tokens of a real issuer: which are taken, what they give, and which are refused for what.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Agent, buildConnector, fetch } from 'undici';
import { serverHome, startServer } from './lab/built-server.js';
import { Issuer, newKeys, reads, runs } from './lab/issuer.js';
import { Person } from './lab/person.js';
import { selfSigned } from './lab/self-signed.js';
import { wholeRun } from './lab/whole-run.js';

const name = 'mcp.example.org';
const resource = `https://${name}/mcp`;
/** Well above what it takes on a busy machine. */
const limitMs = 180_000;

/** The network as clients see it: the server's name leads to it, wherever it listens. */
class Net {
  port = 0;
  #agent;

  constructor(ca) {
    const connect = buildConnector({ ca });
    const there = ({ hostname, ...rest }) =>
      hostname === name ? { ...rest, hostname: '127.0.0.1', port: this.port, servername: name } : { ...rest, hostname };
    this.#agent = new Agent({ connect: (options, done) => connect(there(options), done) });
  }

  fetch = (url, options) => fetch(url, { ...options, dispatcher: this.#agent });
}

const tools = { [reads]: '["read"]', [runs]: '["read", "sessions", "exec"]' };

/** With its scopes in this order: clients are told to begin with the first. */
function configure(home, issuer, caFile, scopes) {
  const folder = join(home.root, '.config/paddock');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const text = `
[http.oauth]
issuer = "${issuer.url}"
resource = "${resource}"
ca_file = "${caFile}"
algorithms = ["ES256"]
skew = "1s"

[http.oauth.scopes]
${scopes.map((scope) => `"${scope}" = ${tools[scope]}`).join('\n')}

[[http.oauth.grants]]
name = "builders"
when = { groups = "builders" }
`;
  writeFileSync(join(folder, 'config.toml'), text, { mode: 0o600 });
  home.env.PADDOCK_ENGINE = `unix://${join(home.root, 'no-engine.sock')}`;
}

async function begin(home, net, { certFile, keyFile }) {
  const server = await startServer(
    home,
    '127.0.0.1:0',
    ...['--host-name', name, '--tls-cert', certFile, '--tls-key', keyFile],
  );
  net.port = Number(new URL(server.url).port);
  return server;
}

/** What the server answers to a message with that token. */
async function ask(net, token, method = 'initialize', params = undefined) {
  const usual = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'check-oauth', version: '0' } };
  const answer = await net.fetch(resource, {
    method: 'POST',
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...{ accept: 'application/json, text/event-stream', 'content-type': 'application/json' },
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: params ?? usual }),
  });
  await answer.text();
  return { status: answer.status, asks: answer.headers.get('www-authenticate') ?? '' };
}

const statusOf = async (net, token) => (await ask(net, token)).status;

/** A client that has the URL, and what the issuer knows it by; where to ask for tokens the server tells it. */
async function client(net, issuer, scope) {
  const known = { ...issuer.secretOf('builder'), expectedIssuer: issuer.url };
  const authProvider = new ClientCredentialsProvider({ ...known, scope });
  const one = new Client({ name: 'check-oauth', version: '0' });
  await one.connect(new StreamableHTTPClientTransport(new URL(resource), { authProvider, fetch: net.fetch }));
  return one;
}

const [list, create] = ['list_sessions', 'create_session'].map((tool) => ({ name: tool, arguments: {} }));

/** What is missing then is the engine. */
async function isLetIn(one, call) {
  assert.match(JSON.stringify(await one.callTool(call)), /"code":"ENGINE_/);
}

async function found(net, issuer) {
  const reader = await client(net, issuer, reads);
  const { tools } = await reader.listTools();
  assert.ok(tools.some((tool) => tool.name === 'create_session'));
  await isLetIn(reader, list);
  // It takes another scope.
  await assert.rejects(reader.callTool(create), { code: 403 });
  await reader.close();
  const runner = await client(net, issuer, `${reads} ${runs}`);
  await isLetIn(runner, create);
  await runner.close();
}

/** A client that has the URL and nothing else, and a person who signs in where it leads: it finds the issuer, registers there, and has a token. */
async function signedIn(net, issuer, scope) {
  const person = new Person(net.fetch, 'ada');
  const transport = () =>
    new StreamableHTTPClientTransport(new URL(resource), { authProvider: person, fetch: net.fetch });
  const asked = transport();
  await assert.rejects(new Client({ name: 'check-oauth', version: '0' }).connect(asked), UnauthorizedError);
  const [url] = person.asked;
  assert.equal(url.origin, issuer.url);
  const said = Object.fromEntries(url.searchParams);
  assert.deepEqual([said.resource, said.scope, said.code_challenge_method], [resource, scope, 'S256']);
  await asked.finishAuth(person.code);
  const one = new Client({ name: 'check-oauth', version: '0' });
  await one.connect(transport());
  return { person, one };
}

/** The client of the SDK registers for the scopes that it is told first, and this issuer holds it to them: docs/oauth.md says what to do. */
async function beganWithLittle(net, issuer) {
  const { person, one } = await signedIn(net, issuer, reads);
  await isLetIn(one, list);
  await assert.rejects(one.callTool(create), /requested scope is not allowed/);
  assert.equal(person.asked[1].searchParams.get('scope'), `${reads} ${runs}`);
  await one.close();
}

async function beganWithEnough(net, issuer) {
  const { person, one } = await signedIn(net, issuer, runs);
  await isLetIn(one, create);
  assert.equal(person.asked.length, 1);
  await one.close();
}

async function scoped(net, issuer) {
  const few = await issuer.token(net.fetch, 'builder', { resource, scope: reads });
  const refused = await ask(net, few, 'tools/call', create);
  assert.equal(refused.status, 403);
  assert.match(refused.asks, new RegExp(`error="insufficient_scope".*scope="[^"]*${runs}`));
  const nobody = await ask(net, undefined);
  assert.equal(nobody.status, 401);
  assert.match(
    nobody.asks,
    new RegExp(`resource_metadata="https://${name}/\\.well-known/oauth-protected-resource/mcp"`),
  );
  // A good token that no grant is for.
  assert.equal(await statusOf(net, await issuer.token(net.fetch, 'stranger', { resource })), 403);
}

/** Each is refused without a word on what is wrong with it, which is in the audit log, in this order. */
async function refused(net, issuer, twin) {
  const good = await issuer.token(net.fetch, 'builder', { resource });
  assert.equal(await statusOf(net, good), 200);
  const [header, , signature] = good.split('.');
  const [, claims] = (await issuer.token(net.fetch, 'stranger', { resource })).split('.');
  const bad = [
    ['audience', await issuer.token(net.fetch, 'builder', { resource: 'https://other.example.org/mcp' })],
    // Of no resource: not even a JWT.
    ['malformed', await issuer.token(net.fetch, 'builder', {})],
    ['algorithm', await issuer.token(net.fetch, 'other', { resource })],
    ['algorithm', await issuer.token(net.fetch, 'shared', { resource })],
    ['signature', [header, claims, signature].join('.')],
    // By the same keys.
    ['issuer', await twin.token(net.fetch, 'builder', { resource })],
  ];
  for (const [check, token] of bad) {
    const { status, asks } = await ask(net, token);
    assert.deepEqual([check, status], [check, 401]);
    assert.match(asks, /error="invalid_token"/);
  }
  const brief = await issuer.token(net.fetch, 'brief', { resource });
  assert.equal(await statusOf(net, brief), 200);
  while ((await statusOf(net, brief)) === 200) await sleep(200);
  assert.equal(await statusOf(net, brief), 401);
  return [...bad.map(([check]) => check), 'expired', 'expired'];
}

/** With another key than the one that was read: docs/oauth.md says until when which tokens count. */
async function rotated(net, issuer, begun) {
  const readings = () => issuer.asked.filter((path) => path === '/jwks').length;
  const old = await issuer.token(net.fetch, 'builder', { resource });
  assert.equal(await statusOf(net, old), 200);
  const before = readings();
  issuer.sign(newKeys());
  const fresh = await issuer.token(net.fetch, 'builder', { resource });
  const freshStatus = await statusOf(net, fresh);
  // On a machine that took half a minute until here they are read again at once.
  const isRead = readings() > before;
  assert.equal(freshStatus, isRead ? 200 : 401);
  assert.equal(await statusOf(net, old), isRead ? 401 : 200);
  await begun();
  assert.equal(await statusOf(net, fresh), 200);
  assert.equal(await statusOf(net, old), 401);
  return ['key', 'key'];
}

await wholeRun(limitMs, async (run) => {
  const { Provider } = await import(process.argv[2]);
  const home = serverHome(run, 'oauth');
  const [ours, theirs] = [name, 'localhost'].map((host) => {
    mkdirSync(join(home.root, host));
    return selfSigned(join(home.root, host), host);
  });
  const net = new Net([ours.cert, theirs.cert]);
  const keys = newKeys();
  const issuer = await Issuer.start(Provider, theirs, keys);
  const twin = await Issuer.start(Provider, theirs, keys);
  configure(home, issuer, theirs.certFile, [reads, runs]);
  let server = await begin(home, net, ours);
  await found(net, issuer);
  await beganWithLittle(net, issuer);
  await scoped(net, issuer);
  const checks = await refused(net, issuer, twin);
  checks.push(
    ...(await rotated(net, issuer, async () => {
      await server.end();
      configure(home, issuer, theirs.certFile, [runs, reads]);
      server = await begin(home, net, ours);
    })),
  );
  await beganWithEnough(net, issuer);
  await server.end();
  const records = readFileSync(home.env.MCP_AUDIT_LOG, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const said = records.filter(({ action }) => action === 'http.refused').flatMap(({ details }) => details.check ?? []);
  assert.deepEqual(said, checks);
  // As docs/oauth.md says who somebody is in the log.
  const ada = createHash('sha256').update(`["${issuer.url}","ada","builders"]`).digest('hex').slice(0, 32);
  assert.ok(records.some(({ caller }) => caller.keyHash === ada));
  process.stderr.write(`== tokens of ${issuer.url}: as it should be\n`);
});
