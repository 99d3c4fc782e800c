import { describe, expect, it } from 'vitest';
import { decideCreate } from '../../../src/policy/create.js';
import type { Denied } from '../../../src/policy/verdict.js';
import { allowed, context, ruleOf } from './support/context.js';

const site = { egress: { allow: ['*.example.com', 'https://example.org', 'preset:npm'], ask: [], approved: [] } };

describe('a request for network open', () => {
  it('is allowed only where the site lists it, and says what that means', () => {
    expect(ruleOf({ network: 'open' })).toBe('network.not-allowed');
    const { spec, notes } = allowed({ network: 'open' }, { networks: ['open'] });
    expect(spec).toMatchObject({ network: 'open' });
    expect(spec.egress).toBeUndefined();
    expect(spec.env).not.toHaveProperty('HTTPS_PROXY');
    expect(notes).toEqual([expect.stringContaining('neither decided nor recorded')]);
  });

  it('takes no list and publishes no ports', () => {
    const networks = ['open', 'allowlist', 'internal'] as const;
    expect(ruleOf({ network: 'open', allow: ['npm'] }, { ...site, networks })).toBe('request.conflict');
    expect(ruleOf({ network: 'open', name: 'web', ports: [80] }, { networks })).toBe('request.conflict');
  });
});

describe('a request for an allowlist', () => {
  it('gets the rules it names, in their canonical form and once each', () => {
    const { spec } = allowed({ network: 'allowlist', allow: ['A.Example.com.', 'a.example.com', 'npm'] }, site);
    expect(spec).toMatchObject({ network: 'allowlist', egress: { allow: ['a.example.com', 'preset:npm'] } });
  });

  it('need not name the network as well', () => {
    expect(allowed({ allow: ['https://example.org'] }, site).spec.network).toBe('allowlist');
  });

  it('tells programs inside where the proxy is, and lets the caller’s own variables stand', () => {
    const { env } = allowed({ allow: ['preset:npm'], env: { NO_PROXY: 'x' } }, site).spec;
    expect(env).toMatchObject({ HTTPS_PROXY: 'http://127.0.0.1:61128', NO_PROXY: 'x' });
  });

  it('has the ceilings for caps', () => {
    const { sitePolicy } = { sitePolicy: allowed({}, site) };
    expect(sitePolicy.spec.egress).toBeUndefined();
    expect(allowed({ allow: ['preset:npm'] }, site).spec.egress).toMatchObject({
      connections: 256,
      bytes: 20 * 1024 ** 3,
    });
  });

  it('may be empty: then it says so', () => {
    const { spec, notes } = allowed({ network: 'allowlist' });
    expect(spec.egress?.allow).toEqual([]);
    expect(notes).toEqual(['allow is empty: every connection is refused']);
  });

  it.each([
    [{ allow: ['example.net'] }, 'egress.ceiling'],
    [{ allow: ['example.com'] }, 'egress.ceiling'],
    [{ allow: ['http://example.org'] }, 'egress.ceiling'],
    [{ allow: ['preset:pip'] }, 'egress.ceiling'],
    [{ allow: ['pip'] }, 'egress.ceiling'],
    [{ allow: ['preset:nothing'] }, 'egress.rule'],
    [{ allow: ['127.1'] }, 'egress.rule'],
    [{ allow: ['*'] }, 'egress.open'],
    [{ network: 'none', allow: ['preset:npm'] }, 'request.conflict'],
  ])('is refused beyond the policy: %j', (request, rule) => {
    expect(ruleOf(request, site)).toBe(rule);
  });

  it.each([
    ['https://registry.example', 'https://registry.example'],
    [`*.${'a'.repeat(20)}.registry.example`, `*.${'a'.repeat(20)}.registry.example`],
    ['npm', 'preset:npm'],
  ])('is told the lines that would add %s to the policy, in full', (asked, text) => {
    const { hint } = decideCreate({ allow: [asked] }, context()) as Denied;
    expect(hint).toContain(`\`[policy.egress]\`, \`allow = ["${text}"]\` into ~/.config/paddock/config.toml`);
    expect(hint).toMatch(/\/etc\/paddock\/policy\.toml.* started anew\.$/);
    expect(hint.length).toBeLessThanOrEqual(300);
  });

  it('is told the presets where it may be one that was misspelt', () => {
    const reasonOf = (text: string) => (decideCreate({ allow: [text] }, context(site)) as Denied).reason;
    expect(reasonOf('nmp')).toMatch(/does not cover nmp, and presets are apt, .*npm/);
    expect(reasonOf('nmp.example')).not.toContain('preset');
  });

  it('gets nothing at all where the policy has no list', () => {
    expect(ruleOf({ allow: ['example.com'] })).toBe('egress.ceiling');
    expect(ruleOf({ allow: ['npm'] })).toBe('egress.ceiling');
  });

  it('may ask for everything only where the policy allows everything', () => {
    const open = { egress: { allow: ['*'], ask: [], approved: [] } };
    expect(allowed({ allow: ['*', 'npm'] }, open).spec.egress?.allow).toEqual(['*', 'preset:npm']);
  });
});
