import { beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.js';
import type { Profile } from '../../../src/core/profile.js';
import type { Defaults, SitePolicy } from '../../../src/core/site-policy.js';
import { type CreateContext, decideCreate } from '../../../src/policy/create.js';
import { explainProfile } from '../../../src/policy/profile-explained.js';
import { context, gib, homeDir, mib } from './support/context.js';

let shipped: readonly Profile[];
beforeAll(async () => {
  ({ profiles: shipped } = await loadConfig({ env: {}, flags: {}, homeDir: '/nonexistent', uid: 0 }));
});

const own = (changes: Partial<Profile> = {}): Profile => ({
  ...{ name: 'ci', description: 'for builds', path: '/etc/paddock/profiles/ci.toml', isShipped: false },
  ...{ onlyTightens: false, require: [], defaults: { memoryBytes: 4 * gib, pids: 100 } },
  ...changes,
});

interface Place {
  readonly policy?: Partial<SitePolicy>;
  readonly defaults?: Partial<Defaults>;
  /** By the name of a default. */
  readonly origins?: Readonly<Record<string, string>>;
  readonly profiles?: readonly Profile[];
  readonly host?: Partial<CreateContext['host']>;
}

function placed({ policy = {}, defaults = {}, origins = {}, profiles = [], host = {} }: Place): CreateContext {
  const base = context(policy);
  return {
    sitePolicy: { ...base.sitePolicy, defaults: { ...base.sitePolicy.defaults, ...defaults } },
    host: { ...base.host, ...host },
    profiles: [...shipped, ...profiles],
    origins: Object.fromEntries(Object.entries(origins).map(([key, origin]) => [`defaults.${key}`, origin])),
  };
}

function spec(request: unknown, place: Place = {}) {
  const verdict = decideCreate(request, placed(place));
  if (verdict.verdict === 'deny') throw new Error(`denied by ${verdict.ruleId}: ${verdict.reason}`);
  return verdict.spec;
}

function denial(request: unknown, place: Place = {}) {
  const verdict = decideCreate(request, placed(place));
  if (verdict.verdict === 'allow') throw new Error('allowed');
  return verdict;
}

describe('standard', () => {
  it.each([{}, { projectPath: '/home/ada/app', memory: '4g', dockerOpts: { PidsLimit: 9 } }])(
    'is to the letter what there is without a name: %j',
    (request) => {
      const place = {
        defaults: { memoryBytes: gib, tmpBytes: 9 * mib },
        origins: { memoryBytes: 'env:PADDOCK_MEMORY' },
      };
      expect(spec({ ...request, profile: 'standard' }, place)).toEqual(spec(request, place));
      // Nor does it need any profile to be known.
      expect(decideCreate(request, context())).toEqual(decideCreate(request, { ...context(), profiles: shipped }));
    },
  );

  it('stands in the plan of a session, as every other name does', () => {
    expect(spec({}).profile).toBe('standard');
    expect(spec({ profile: 'strict' }).profile).toBe('strict');
  });
});

describe('the shipped profiles', () => {
  it('strict has smaller limits and shorter times, reads only, and requires what it promises', () => {
    expect(spec({ profile: 'strict', projectPath: '/home/ada/app' })).toMatchObject({
      ...{ workspace: 'ro', network: 'none', seccomp: 'default', shmBytes: 16 * mib },
      limits: { memoryBytes: gib, cpuMillis: 1000, pids: 256, nofile: 1024, diskBytes: gib, diskInodes: 100_000 },
      ...{ lifetimeMs: 3_600_000, idleTimeoutMs: 600_000, timeoutMs: 300_000 },
    });
    expect(spec({ profile: 'strict' }).require).toEqual(expect.arrayContaining(['memory', 'pids', 'seccomp']));
  });

  it.each([[[]], [['apparmor']], [['selinux']]] as const)(
    'strict requires of %j that the host has',
    (securityModules) => {
      const { require } = spec({ profile: 'strict' }, { host: { securityModules } });
      expect(require.filter((id) => id === 'apparmor' || id === 'selinux')).toEqual(securityModules);
      expect(require).not.toContain('host-lsm');
      const site = { policy: { require: ['host-lsm'] as const }, host: { securityModules } };
      expect(spec({}, site).require).toEqual(securityModules);
    },
  );

  it('strict leaves what is stricter already', () => {
    const defaults = { memoryBytes: 64 * mib, workspace: 'none', lifetimeMs: 5000 } as const;
    const origins = { memoryBytes: 'policy:/p', workspace: 'policy:/p', lifetimeMs: 'file:/f' };
    const made = spec({ profile: 'strict', projectPath: '/home/ada/app' }, { defaults, origins });
    expect(made).toMatchObject({ workspace: 'none', lifetimeMs: 5000, limits: { memoryBytes: 64 * mib, pids: 256 } });
    const loose = { defaults: { workspace: 'rw', seccomp: 'debug' }, policy: { seccomp: ['debug'] } } as const;
    const tight = spec({ profile: 'strict', projectPath: '/home/ada/app' }, loose);
    expect(tight).toMatchObject({ workspace: 'ro', seccomp: 'default' });
  });

  it.each(['debug', 'nested'] as const)(
    '%s changes the system call filter and nothing else, where the site allows it',
    (name) => {
      const policy = { seccomp: [name] };
      expect(spec({ profile: name }, { policy })).toEqual({ ...spec({}, { policy }), seccomp: name, profile: name });
      expect(denial({ profile: name })).toMatchObject({
        ruleId: 'seccomp.not-allowed',
        reason: `the policy allows default, not ${name}, which the profile ${name} is made of`,
        hint: expect.stringContaining('seccomp = ["debug"]'),
      });
      expect(spec({ profile: name, seccomp: 'default' }).seccomp).toBe('default');
    },
  );
});

describe('what a profile stands over, and beneath', () => {
  const profiles = [own()];
  const memory = (request: object, place: Place = {}) => spec(request, { profiles, ...place }).limits.memoryBytes;

  it('what a caller says stands over it, as an argument or in dockerOpts', () => {
    expect(memory({ profile: 'strict', memory: '4g' })).toBe(4 * gib);
    expect(memory({ profile: 'strict', dockerOpts: { Memory: '3g' } })).toBe(3 * gib);
    expect(spec({ profile: 'strict', projectPath: '/home/ada/app', workspace: 'rw' }).workspace).toBe('rw');
    expect(spec({ profile: 'strict', idleTimeout: '2h', timeout: '1h' })).toMatchObject({
      ...{ idleTimeoutMs: 7_200_000, timeoutMs: 3_600_000, lifetimeMs: 3_600_000 },
    });
  });

  it.each([
    ['default', 4],
    ['policy:/etc/paddock/policy.toml', 4],
    ['file:/f', 4],
    ['env:PADDOCK_MEMORY', 4],
    ['flag:--memory', 1],
    ['something of later versions', 1],
  ])('named by a request it stands over a default that comes from %s: %d GiB', (origin, expected) => {
    const place = { defaults: { memoryBytes: gib }, origins: { memoryBytes: origin } };
    expect(memory({ profile: 'ci' }, place)).toBe(expected * gib);
  });

  it.each([
    ['policy:/p', 'default', 4],
    ['policy:/p', 'policy:/p', 1],
    ['policy:/p', 'file:/f', 1],
    ['file:/f', 'policy:/p', 4],
    ['file:/f', 'file:/f', 1],
    ['env:PADDOCK_PROFILE', 'file:/f', 4],
    ['env:PADDOCK_PROFILE', 'env:PADDOCK_MEMORY', 1],
  ])('named by %s and the default by %s, the session has %d GiB', (profile, memoryBytes, expected) => {
    const place = { defaults: { profile: 'ci', memoryBytes: gib }, origins: { profile, memoryBytes } };
    expect(memory({}, place)).toBe(expected * gib);
  });

  it('the ceilings of the site and the host stand over it, and what it sets is lowered to them', () => {
    const ceilings = { ...context().sitePolicy.ceilings, memoryBytes: 3 * gib, pids: 50 };
    const { limits } = spec({ profile: 'ci' }, { profiles, policy: { ceilings } });
    expect(limits).toMatchObject({ memoryBytes: 3 * gib, pids: 50 });
    expect(denial({ profile: 'ci', memory: '4g' }, { profiles, policy: { ceilings } }).ruleId).toBe('memory.ceiling');
    const rw = [own({ defaults: { workspace: 'rw' } })];
    const made = spec(
      { profile: 'ci', projectPath: '/home/ada/app' },
      { profiles: rw, policy: { readWriteAllowed: false } },
    );
    expect(made.workspace).toBe('cow');
  });

  it('what was lowered of it is said, unless the caller asked for something else', () => {
    const policy = { ceilings: { ...context().sitePolicy.ceilings, memoryBytes: 3 * gib, lifetimeMs: 60_000 } };
    const long = [
      own({ defaults: { memoryBytes: 4 * gib, lifetimeMs: 3_600_000, cpuMillis: 99_000, tmpBytes: 9 * gib } }),
    ];
    const notes = (request: object) => {
      const verdict = decideCreate({ profile: 'ci', ...request }, placed({ policy, profiles: long }));
      return verdict.verdict === 'allow' ? verdict.notes : verdict;
    };
    expect(notes({})).toEqual([
      'memory is 3 GiB, not the 4 GiB of the profile ci: no more is to be had',
      'lifetime is 1m, not the 1h of the profile ci: no more is to be had',
      'cpus is 8, not the 99 of the profile ci: no more is to be had',
    ]);
    expect(notes({ memory: '1g', lifetime: '30s', dockerOpts: { NanoCpus: 10 ** 9 } })).toEqual([]);
    expect(notes({ profile: 'standard' })).toEqual([]);
  });

  it('what it requires is added to what the site requires, whatever a request says', () => {
    const requiring = [own({ require: ['cpu', 'memory'] })];
    const { require } = spec({ profile: 'ci', cpus: 1 }, { profiles: requiring, policy: { require: ['memory'] } });
    expect(require).toEqual(['memory', 'cpu']);
  });
});

describe('a profile that can’t be had', () => {
  it('is refused with the names of those that can', () => {
    expect(denial({ profile: 'stricct' }, { profiles: [own()] })).toMatchObject({
      ruleId: 'profile.unknown',
      reason: 'there is no profile stricct; there are debug, nested, standard, strict, ci',
      hint: expect.stringContaining('Did you mean strict?'),
    });
    expect(denial({ profile: 'zzzzzz' }).hint).not.toContain('Did you mean');
    for (const profile of ['', 'constructor', '__proto__']) expect(denial({ profile }).ruleId).toBe('profile.unknown');
  });

  it('is refused where the site does not list it, by name or beginning', () => {
    const policy = { profiles: ['strict', 'c*'] };
    expect(denial({ profile: 'debug' }, { policy, profiles: [own()] })).toMatchObject({
      ruleId: 'profile.not-allowed',
      reason: 'the policy allows the profiles strict, ci, not debug',
    });
    expect(spec({ profile: 'ci' }, { policy, profiles: [own()] }).profile).toBe('ci');
    expect(denial({ profile: 'standard' }, { policy }).ruleId).toBe('profile.not-allowed');
  });
});

describe('what a profile is explained by', () => {
  function explained(request: { profile: string; memory?: string }, place: Place = {}) {
    const result = explainProfile(request, placed(place));
    if (result.verdict === 'deny') throw new Error(result.reason);
    return { ...result, of: (key: string) => result.values.find((value) => value.key === key) };
  }

  it('is every value with where it comes from, the last word being the site’s', () => {
    const ceilings = { ...context().sitePolicy.ceilings, diskBytes: gib / 2, tmpfsBytes: 64 * mib };
    const origins = { nofile: 'flag:--nofile', pids: 'file:/f' };
    const place = { policy: { ceilings }, defaults: { nofile: 9999, pids: 77 }, origins };
    const made = placed(place);
    const context_ = { ...made, origins: { ...made.origins, 'ceilings.diskBytes': 'policy:/p' } };
    const result = explainProfile({ profile: 'strict', memory: '4g' }, context_);
    if (result.verdict === 'deny') throw new Error(result.reason);
    const rows = Object.fromEntries(result.values.map(({ key, ...row }) => [key, row]));
    expect(rows).toMatchObject({
      memoryBytes: { value: 4 * gib, origin: 'request' },
      cpuMillis: { value: 1000, origin: 'profile:strict' },
      nofile: { value: 9999, origin: 'flag:--nofile' },
      pids: { value: 77, origin: 'file:/f' },
      diskBytes: {
        value: gib / 2,
        origin: 'profile:strict',
        lowered: { from: gib, by: 'ceilings.diskBytes (policy:/p)' },
      },
      tmpBytes: { origin: 'profile:strict', lowered: { from: 128 * mib, by: 'ceilings.tmpfsBytes (default)' } },
      workspace: { value: 'ro', origin: 'profile:strict' },
    });
    expect(Object.keys(rows)).toHaveLength(16);
    expect(result.require).toContainEqual({ control: 'host-lsm', origin: 'profile:strict', here: [] });
    expect(result.require).toContainEqual({ control: 'seccomp', origin: 'default', here: ['seccomp'] });
  });

  it('is the plan of such a session itself, also where the host has less', () => {
    const host = { homeDir, hostMemoryBytes: gib, cpuCount: 1 };
    const { of } = explained({ profile: 'standard' }, { host });
    expect(of('memoryBytes')).toMatchObject({ value: gib / 2, lowered: { by: 'half of what the host has' } });
    expect(of('cpuMillis')).toMatchObject({ value: 1000, lowered: { from: 2000, by: 'the processors of the host' } });
    expect(of('tmpBytes')).toMatchObject({ lowered: { by: 'its share of the memory' } });
    expect(of('tmpBytes')?.value).toBe(spec({}, { host }).tmpfs.find(({ target }) => target === '/tmp')?.sizeBytes);
  });

  it('is the refusal where there is one', () => {
    expect(explainProfile({ profile: 'debug' }, placed({}))).toMatchObject({ ruleId: 'seccomp.not-allowed' });
    expect(explainProfile({ profile: 'strict', memory: '900g' }, placed({}))).toMatchObject({
      ruleId: 'memory.host',
    });
  });
});
