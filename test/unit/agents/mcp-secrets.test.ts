import { describe, expect, it } from 'vitest';
import { mcpConfigSchema } from '../../../src/agents/mcp-config.js';
import { secretsIn } from '../../../src/agents/mcp-secrets.js';

function places(server: object): string[] {
  const config = mcpConfigSchema.parse({ mcpServers: { one: server } });
  return secretsIn(config).map(({ path, reason }) => `${path.replace('mcpServers.one.', '')}: ${reason}`);
}
const env = (name: string, value: string) => places({ command: 'x', env: { [name]: value } });
const args = (...all: string[]) => places({ command: 'x', args: all });

describe('secrets in an MCP configuration', () => {
  it.each([
    'GITHUB_TOKEN',
    'apiKey',
    'API_KEY',
    'KEY',
    'PASSWORD',
    'DB_PASSWD',
    'CLIENT_SECRET',
    'AWS_ACCESS_KEY_ID',
    'GITHUB_PAT',
    'SENTRY_DSN',
    'AZURE_CONNECTION_STRING',
  ])('are found by the name %s of a variable', (name) => {
    expect(env(name, 'hush')).toEqual([`env.${name}: name`]);
  });

  // Put together here: whole ones would be taken for keys by those who look for them in repositories.
  it.each([
    ['sk-', 'ant-api03-abcdefghijklmnop'],
    ['gh', 'p_abcdefghijklmnopqrstuvwxyz012345'],
    ['AK', 'IAABCDEFGHIJKLMNOP'],
    ['xox', 'b-1234567890-abcdef'],
    ['AI', 'zaSyA1234567890abcdefghijklmnopqrstu'],
    ['ey', 'JhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl'],
    ['-----BEGIN ', 'RSA PRIVATE KEY-----'],
    ['postgres://user', ':hush@db.example/x'],
    ['Bearer ', 'abcdefgh12345'],
    ['aB3dE6gH9jK2', 'mN5pQ8sT1vW4yZ7bC0d'],
    ['0123456789abcdef', '0123456789abcdef'],
  ])('are found by the look of a value that begins with %s', (beginning, rest) => {
    expect(env('PLAIN', beginning + rest)).toEqual(['env.PLAIN: shape']);
  });

  it.each([
    ['LOG_LEVEL', 'debug'],
    ['MONKEY', 'george'],
    ['KEYBOARD', 'qwerty'],
    ['HOME', '/home/someone/with/a/rather/long/path'],
    ['PORT', '8080'],
    ['GITHUB_TOKEN', '$GITHUB_TOKEN'],
    ['GITHUB_TOKEN', ['$', '{GITHUB_TOKEN}'].join('')],
    ['GITHUB_TOKEN', ''],
  ])('are not seen in %s=%s', (name, value) => {
    expect(env(name, value)).toEqual([]);
  });

  it('are found in arguments: behind an option, after =, in headers, in addresses', () => {
    expect(args('--api-key', 'hush')).toEqual(['args.1: name']);
    expect(args('--token=hush')).toEqual(['args.0: name']);
    expect(args('-e', 'DB_PASSWORD=hush')).toEqual(['args.1: name']);
    expect(args('--header', 'Authorization: hush')).toEqual(['args.1: name']);
    expect(args('https://mcp.example/?api_key=hush')).toEqual(['args.0?api_key: name']);
    expect(args('-y', 'some-server', '--verbose', '/data')).toEqual([]);
  });

  it('are found in headers and addresses of remote servers', () => {
    const headers = { Authorization: 'hush', 'X-Api-Key': 'hush', Accept: 'text/plain' };
    const remote = { type: 'http', url: 'https://me:hush@mcp.example/?token=hush', headers };
    expect(places(remote)).toEqual([
      'headers.Authorization: name',
      'headers.X-Api-Key: name',
      'url: shape',
      'url?token: name',
    ]);
  });

  it('are named by their place and never by their value', () => {
    const config = mcpConfigSchema.parse({ mcpServers: { one: { command: 'x', env: { A_TOKEN: 'hush-hush' } } } });
    expect(JSON.stringify(secretsIn(config))).not.toContain('hush');
  });
});

it('a text of many beginnings of a token is looked through once, however long it is', () => {
  const value = 'eyJ-'.repeat(500_000);
  expect(secretsIn({ mcpServers: { one: { command: 'x', args: [value] } } })).toEqual([]);
});

describe('an MCP configuration', () => {
  it('is as long as an address or a text may be, and all of it no longer than any is', () => {
    const url = (chars: number) => `http://h/${'x'.repeat(chars - 9)}`;
    const isTaken = (...servers: object[]) =>
      mcpConfigSchema.safeParse({ mcpServers: Object.fromEntries(servers.map((one, at) => [`s${at}`, one])) }).success;
    expect(isTaken({ type: 'http', url: url(8192) })).toBe(true);
    expect(isTaken({ type: 'http', url: url(8193) })).toBe(false);
    const large = { command: 'x', args: Array.from({ length: 10 }, () => 'x'.repeat(8000)) };
    expect(isTaken(large, large, large)).toBe(true);
    expect(isTaken(large, large, large, large)).toBe(false);
  });

  it.each([
    [{ mcpServers: { 'a b': { command: 'x' } } }],
    [{ mcpServers: { '-x': { command: 'x' } } }],
    [{ mcpServers: { a: { command: '' } } }],
    [{ mcpServers: { a: { command: 'x', cwd: '/' } } }],
    [{ mcpServers: { a: { type: 'http', url: 'no address' } } }],
    [{ mcpServers: {}, other: 1 }],
  ])('is refused as %j', (config) => {
    expect(mcpConfigSchema.safeParse(config).success).toBe(false);
  });
});
