import type { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { toPaddockError } from '../../../../src/core/errors.js';
import { refuseWithoutNetwork } from '../../../../src/session/egress/network-here.js';

describe('a way out that begins in a container', () => {
  const one = (internal: boolean) =>
    ({ address: '', netmask: '', family: 'IPv4', mac: '', internal, cidr: null }) as const;
  const none = () => ({ lo: [one(true)] }) as ReturnType<typeof networkInterfaces>;
  const bridged = () => ({ ...none(), eth0: [one(false)] }) as ReturnType<typeof networkInterfaces>;
  const to = (...urls: readonly string[]) => urls.map((url) => ({ upstream: new URL(url) }));
  const refused = (allow: readonly string[], urls: readonly string[] = [], interfaces = none) => {
    try {
      refuseWithoutNetwork({ allow, routes: to(...urls) }, interfaces);
      return undefined;
    } catch (error) {
      const { code, message } = toPaddockError(error);
      return `${code} ${message}`;
    }
  };

  it.each([
    [['https://registry.example'], [], 'https://registry.example'],
    [['http://127.0.0.1:8080', '*.example.org'], [], '*.example.org'],
    [['10.0.0.0/8:443'], [], '10.0.0.0/8:443'],
    [['*'], [], '*'],
    [[], ['https://api.example/v1'], 'api.example'],
  ])('is refused where that container has no network: %j %j', (allow, urls, named) => {
    expect(refused(allow, urls)).toBe(
      `NETWORK_MISSING the container of the server has no network, so that ${named} can't be reached`,
    );
    expect(refused(allow, urls, () => ({}))).toMatch(/^NETWORK_MISSING/);
    expect(refused(allow, urls, bridged)).toBeUndefined();
  });

  it('leads to what listens on its own loopback, or nowhere, without one', () => {
    expect(refused([], [])).toBeUndefined();
    expect(
      refused(['http://127.0.0.1:8080', 'tcp://[::1]:5432'], ['http://127.0.0.1:11434/v1', 'http://[::1]:1/']),
    ).toBe(undefined);
  });
});
