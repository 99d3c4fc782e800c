import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { builtInPolicy } from '../../../src/config/built-in-policy.js';
import type { Config } from '../../../src/config/load.js';
import { narrowed } from '../../../src/config/narrow.js';
import { isCovered } from '../../../src/config/site-rules.js';
import type { KeyCeiling } from '../../../src/core/api-key.js';
import { providerIds } from '../../../src/core/providers.js';
import type { Ceilings, SitePolicy } from '../../../src/core/site-policy.js';
import { isReachable } from '../../../src/policy/network.js';

const nothing: KeyCeiling = { roots: [], readWriteAllowed: false, allow: [], providers: [], ceilings: {} };
const site = (more: Partial<SitePolicy> = {}): SitePolicy => ({ ...builtInPolicy('/home/ada'), ...more });

/** Only what is looked at of a config. */
function configOf(sitePolicy: SitePolicy): Config {
  const config: Partial<Config> = {
    sitePolicy,
    hostFolders: ['/opt/tools'],
    origins: { 'defaults.memoryBytes': 'file:x' },
  };
  return config as Config;
}

const policyFor = (by: Partial<KeyCeiling>, more: Partial<SitePolicy> = {}) =>
  narrowed(configOf(site(more)), { ...nothing, ...by }).sitePolicy;

describe('the policy of the holder of a key', () => {
  it('allows nothing of the host that the key was not given', () => {
    const egress = { allow: ['preset:npm', 'example.com:443'], ask: ['*'], approved: ['example.com:443'] };
    const policy = policyFor({}, { egress });
    expect(policy).toMatchObject({
      allowedRoots: [],
      readWriteAllowed: false,
      hostFolders: ['/opt/tools'],
      broker: { providers: [], git: {}, routes: {} },
    });
    expect(policy.egress).toEqual({ allow: [], ask: [], approved: [] });
  });

  it('has the engine’s own network only where its list is everything anyway', () => {
    const networks = ['internal', 'allowlist', 'open'] as const;
    const egress = { allow: ['*'], ask: [], approved: [] };
    expect(policyFor({ allow: ['preset:npm'] }, { networks, egress }).networks).toEqual(['internal', 'allowlist']);
    expect(policyFor({ allow: ['*'] }, { networks, egress }).networks).toEqual(networks);
  });

  it('has room of its own for what its sessions leave, within that of all', () => {
    const gib = 1024 ** 3;
    expect(policyFor({}).admission).toMatchObject({ keptBytes: 50 * gib, ownKeptBytes: 10 * gib });
    expect(policyFor({ keptBytes: gib }).admission.ownKeptBytes).toBe(gib);
    expect(policyFor({ keptBytes: 100 * gib }).admission.ownKeptBytes).toBe(50 * gib);
  });

  it('has the folders that both allow, from whichever side they are narrower', () => {
    const allowedRoots = ['/home/ada/work', '/srv'];
    expect(policyFor({ roots: ['/home/ada/work/app'] }, { allowedRoots }).allowedRoots).toEqual(['/home/ada/work/app']);
    expect(policyFor({ roots: ['/home/ada'] }, { allowedRoots }).allowedRoots).toEqual(['/home/ada/work']);
    expect(policyFor({ roots: ['/home/ada/workshop', '/etc'] }, { allowedRoots }).allowedRoots).toEqual([]);
  });

  it('lowers what a request gets that says nothing to what it may ask for', () => {
    const { defaults, ceilings } = policyFor({ ceilings: { memoryBytes: 1024 ** 2, keepChangesMs: 5 } });
    expect(defaults).toMatchObject({ memoryBytes: 1024 ** 2, keepChangesMs: 5 });
    expect(ceilings.memoryBytes).toBe(1024 ** 2);
  });

  it('has one profile where the key has one, which counts as if each request named it', () => {
    const config = narrowed(configOf(site()), { ...nothing, profile: 'strict' });
    expect(config.sitePolicy).toMatchObject({ profiles: ['strict'], defaults: { profile: 'strict' } });
    expect(config.origins['defaults.profile']).toMatch(/^flag:/);
    expect(policyFor({ profile: 'debug' }, { profiles: ['standard'] }).profiles).toEqual([]);
  });

  it('never allows what the site does not, whatever the key says', () => {
    const amount = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
    const folder = fc.constantFrom('/', '/home', '/home/ada', '/home/ada/x', '/srv', '/srv/y');
    const reach = fc.constantFrom('*', 'preset:npm', 'a.example.com:443', '*.example.com:443', 'example.org:80');
    const by = fc.record({
      roots: fc.array(folder),
      readWriteAllowed: fc.boolean(),
      allow: fc.array(reach),
      providers: fc.subarray([...providerIds]),
      ceilings: fc.record({ memoryBytes: amount, pids: amount, lifetimeMs: amount }, { requiredKeys: [] }),
    });
    const more = fc.record({
      allowedRoots: fc.array(folder),
      readWriteAllowed: fc.boolean(),
      egress: fc.record({ allow: fc.array(reach), ask: fc.array(reach), approved: fc.array(reach) }),
    });
    fc.assert(
      fc.property(by, more, (key, rules) => {
        const before = site(rules);
        const after = policyFor(key, rules);
        for (const name of Object.keys(before.ceilings) as (keyof Ceilings)[]) {
          expect(after.ceilings[name]).toBeLessThanOrEqual(Math.min(before.ceilings[name], Infinity));
        }
        expect(after.allowedRoots.every((root) => isCovered(root, before.allowedRoots))).toBe(true);
        expect(after.allowedRoots.every((root) => isCovered(root, key.roots))).toBe(true);
        expect(after.readWriteAllowed && !(before.readWriteAllowed && key.readWriteAllowed)).toBe(false);
        expect(after.egress.allow.every((text) => isReachable(text, before.egress.allow))).toBe(true);
        expect(after.egress.approved.every((text) => isReachable(text, key.allow))).toBe(true);
        expect(after.broker.providers.every((one) => key.providers.includes(one))).toBe(true);
      }),
    );
  });
});
