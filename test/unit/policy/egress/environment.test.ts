import { describe, expect, it } from 'vitest';
import { proxyEnvironment } from '../../../../src/policy/egress/environment.js';

const env = proxyEnvironment({ httpPort: 61128 });

describe('the proxy environment', () => {
  it('names the HTTP proxy in both cases, for all protocols, and leaves the loopback out', () => {
    for (const name of ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy']) {
      expect(env[name]).toBe('http://127.0.0.1:61128');
    }
    expect([env['NO_PROXY'], env['no_proxy']]).toEqual(['localhost,127.0.0.1,::1', 'localhost,127.0.0.1,::1']);
  });

  it('has no socks:// in it, on which httpx fails', () => expect(JSON.stringify(env)).not.toContain('socks'));

  it('tells node, npm, pip, cargo and Java as well', () => {
    expect(env['NODE_USE_ENV_PROXY']).toBe('1');
    expect([env['npm_config_proxy'], env['npm_config_https_proxy']]).toEqual([env['http_proxy'], env['http_proxy']]);
    expect([env['PIP_PROXY'], env['CARGO_HTTP_PROXY']]).toEqual([env['http_proxy'], env['http_proxy']]);
    expect(env['JAVA_TOOL_OPTIONS']).toContain('-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=61128');
  });
});
