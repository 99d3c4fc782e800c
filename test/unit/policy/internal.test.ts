import { describe, expect, it } from 'vitest';
import { readHost } from '../../../src/policy/egress/host.js';
import { decideInternal, isInternal, type SiblingFacts } from '../../../src/policy/egress/internal.js';
import { allowed, ruleOf } from './support/context.js';

const site = { egress: { allow: ['https://example.org'], ask: [], approved: ['https://example.org'] } };

function host(text: string) {
  const reading = readHost(text);
  if ('problem' in reading) throw new Error(reading.problem);
  return reading.host;
}

describe('a request for network internal', () => {
  it('has the ports it publishes, and nothing of the outside, whatever was approved once', () => {
    const { spec, notes } = allowed({ name: 'web', network: 'internal', ports: [8080, 'api=9000'] }, site);
    expect(spec).toMatchObject({ network: 'internal', egress: { allow: [] } });
    expect(spec.ports).toEqual([{ port: 8080 }, { port: 9000, name: 'api' }]);
    expect(spec.env).toMatchObject({ HTTP_PROXY: 'http://127.0.0.1:61128' });
    expect(notes).toEqual([]);
  });

  it('need not publish anything, nor name the network where it does', () => {
    expect(allowed({ network: 'internal' }).spec.ports).toEqual([]);
    expect(allowed({ name: 'web', ports: ['8080'] }).spec.network).toBe('internal');
  });

  it('may have a list besides', () => {
    const asked = { network: 'internal', allow: ['https://example.org'] };
    expect(allowed(asked, site).spec).toMatchObject({
      network: 'internal',
      egress: { allow: ['https://example.org'] },
    });
    expect(ruleOf({ network: 'internal', allow: ['https://example.net'] }, site)).toBe('egress.ceiling');
    expect(ruleOf(asked, { ...site, networks: ['internal'] })).toBe('network.not-allowed');
  });

  it.each<[object, string]>([
    [{ ports: [8080] }, 'internal.ports'],
    [{ name: 'My_Session', ports: [8080] }, 'internal.ports'],
    [{ name: 'a.b', ports: [8080] }, 'internal.ports'],
    ...['0', '65536', 'x', 'A=80', 'a=', '=80', '80=a', '1e3', 61_128, 61_080, 61_200, -1, 8080.5].map(
      (port): [object, string] => [{ name: 'web', ports: [port] }, 'internal.ports'],
    ),
    [{ name: 'web', ports: [80, 'a=80'] }, 'internal.ports'],
    [{ name: 'web', ports: ['a=80', 'a=81'] }, 'internal.ports'],
    [{ name: 'web', ports: [80], network: 'none' }, 'request.conflict'],
    [{ name: 'web', ports: [80], network: 'allowlist' }, 'request.conflict'],
  ])('is refused: %j', (request, rule) => {
    expect(ruleOf(request)).toBe(rule);
  });

  it.each(['internal', 'allowlist'] as const)('needs a site that lets sessions have the network %s', (network) => {
    expect(ruleOf({ network }, { networks: [network] })).toBe('allow');
    expect(ruleOf({ network }, { networks: [] })).toBe('network.not-allowed');
  });
});

describe('a name below .internal', () => {
  it.each([
    ['web.internal', true],
    ['WEB.Internal.', true],
    ['internal', true],
    ['metadata.google.internal', true],
    ['web.internal.example', false],
    ['webinternal', false],
    ['127.0.0.1', false],
  ])('%s is a sibling’s: %s', (text, expected) => {
    expect(isInternal(host(text))).toBe(expected);
  });

  const web: SiblingFacts = { ports: [{ port: 8080 }, { port: 9000, name: 'api' }] };
  it.each<[string, number, SiblingFacts, number | string]>([
    ['web.internal', 8080, web, 8080],
    ['web.internal', 9000, web, 9000],
    ['api.web.internal', 80, web, 9000],
    ['api.web.internal', 443, web, 9000],
    ['api.web.internal', 9000, web, 9000],
    ['api.web.internal', 8080, web, 'internal.port'],
    ['other.web.internal', 80, web, 'internal.port'],
    ['web.internal', 80, web, 'internal.port'],
    ['web.internal', 8080, { ports: [] }, 'internal.port'],
    ['a.b.web.internal', 80, web, 'internal.session'],
    ['internal', 80, web, 'internal.session'],
    ['web.internal', 8080, undefined, 'internal.session'],
    ['web.internal', 8080, 'ended', 'internal.ended'],
    ['web.internal', 8080, 'elsewhere', 'internal.elsewhere'],
  ])('%s:%d with %j leads to %s', (text, port, facts, expected) => {
    const verdict = decideInternal(host(text), port, facts);
    expect(verdict.verdict === 'allow' ? verdict.port : verdict.ruleId).toBe(expected);
  });

  it('that is refused says what is published', () => {
    expect(decideInternal(host('web.internal'), 81, web)).toMatchObject({
      reason: 'web publishes 8080, api=9000, not web.internal:81',
    });
  });
});
