import { describe, expect, it } from 'vitest';
import { builtInPolicy } from '../../../src/config/built-in-policy.js';
import { type BuildWish, decideBuild } from '../../../src/policy/image-build.js';

const base = 'registry.invalid/debian:13';
const policy = { ...builtInPolicy('/home/u'), images: [base], pullAllowed: false };
const wish: BuildWish = { base, reference: 'localhost/agents:1', network: 'none' };

describe('a build', () => {
  it('is allowed on a base that the site lists, without a network', () => {
    expect(decideBuild(wish, policy)).toEqual({ verdict: 'allow', pullAllowed: false });
  });

  it('reaches a network where images may be pulled', () => {
    const networked = { ...wish, network: 'engine' } as const;
    expect(decideBuild(networked, policy)).toMatchObject({ verdict: 'deny', ruleId: 'image.build-network' });
    expect(decideBuild(networked, { ...policy, pullAllowed: true })).toMatchObject({
      verdict: 'allow',
      pullAllowed: true,
    });
  });

  it.each([
    [{ base: 'registry.invalid/other:1' }, 'image.not-allowed'],
    [{ base: 'host' }, 'image.reference'],
    [{ base: 'debian:13' }, 'image.reference'],
    [{ reference: 'registry.invalid/debian:13' }, 'image.build-name'],
    [{ reference: 'localhost/agents' }, 'image.reference'],
    [{ reference: `localhost/agents:1@sha256:${'a'.repeat(64)}` }, 'image.build-name'],
    [{ reference: 'localhost/Agents:1\n' }, 'image.reference'],
  ] as const)('with %j is refused', (change, ruleId) => {
    expect(decideBuild({ ...wish, ...change }, policy)).toMatchObject({ verdict: 'deny', ruleId });
  });
});
