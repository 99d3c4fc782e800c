import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { controlIds } from '../../src/core/evidence.js';
import { type ProfileDefaults, standardProfile } from '../../src/core/profile.js';
import { providerIds } from '../../src/core/providers.js';
import type { Ceilings, SitePolicy } from '../../src/core/site-policy.js';
import type { SandboxSpec } from '../../src/core/spec.js';
import { decideCreate } from '../../src/policy/create.js';
import { dockerOptions } from '../../src/policy/docker/parse.js';
import { decideExec } from '../../src/policy/exec.js';
import { leastLimits } from '../../src/policy/limits.js';
import { rules } from '../../src/policy/rules.js';
import { context, gib, mib, specOf } from '../unit/policy/support/context.js';

/** Many runs on a busy machine take longer than the usual test. */
const slow = { timeout: 60_000 };

const optional = <T>(arb: fc.Arbitrary<T>) => fc.option(arb, { nil: undefined, freq: 2 });

/** Options and arguments one by one, fine ones and refused ones; a request is a few of them. */
const dockerFragments: readonly Record<string, unknown>[] = [
  ...['64m', '512m', '2g', '20g', -1, 0, 64 * mib, 1e18].map((Memory) => ({ Memory })),
  ...[1000, 50_000, 500_000].map((CpuQuota) => ({ CpuQuota })),
  ...[-1, 10, 100, 5000].map((PidsLimit) => ({ PidsLimit })),
  ...[512, 1500, 5000].map((CpuShares) => ({ CpuShares })),
  ...['64k', '512m', gib, '9g'].map((ShmSize) => ({ ShmSize })),
  ...['nofile', 'fsize', 'nproc', 'core'].flatMap((Name) =>
    [0, 100, 5000, 10_000_000].map((Hard) => ({ Ulimits: [{ Name, Hard }] })),
  ),
  ...['', 'size=1m', 'size=800m', 'exec', 'size=2g,noexec'].flatMap((options) =>
    ['/tmp', '/run', '/cache', '/proc'].map((path) => ({ Tmpfs: { [path]: options, '/scratch': options } })),
  ),
  ...['/home/ada/a:/data:ro', '/home/ada/a:/data', '/opt:/tmp:ro'].map((bind) => ({ Binds: [bind] })),
  { NetworkMode: 'none' },
  { NetworkMode: 'host' },
  { Privileged: true },
  { CapDrop: ['ALL'], ReadonlyRootfs: true },
];
const fragments: readonly Record<string, unknown>[] = [
  ...['/home/ada/a', '/a,b'].flatMap((projectPath) => [{ projectPath }, { projectPath, workspace: 'rw' }]),
  ...['host', 'docker.io/library/node:22', 'quay.io/a/b:1', 'node'].map((image) => ({ image })),
  { network: 'none' },
  { network: 'open' },
  { network: 'allowlist' },
  { network: 'internal' },
  { network: 'internal', name: 'web', ports: [8080, 'api=9000'] },
  ...['a.example.com', 'https://example.org', 'npm', '*'].map((allow) => ({ allow: [allow] })),
  ...['64m', '512m', '2g', '20g'].map((memory) => ({ memory })),
  ...['0.5', 1, '4', 99].map((cpus) => ({ cpus })),
  ...[10, 100, 1000, 10_000].map((pids) => ({ pids })),
  ...['30s', '2h', '30h'].map((lifetime) => ({ lifetime })),
  ...['30s', '2h', '30h'].map((idleTimeout) => ({ idleTimeout })),
  ...[5, '10m', '9h'].map((timeout) => ({ timeout })),
  ...[false, '1h', '9d', '99d'].map((keepChanges) => ({ keepChanges })),
  ...['/opt/node', '/home/ada/.nvm', '/home/ada'].map((folder) => ({ hostFolders: [folder] })),
  ...[true, false].map((readOnly) => ({ mcpMounts: [{ source: '/home/ada/m', target: '/mcp', readOnly }] })),
];
const merged = (parts: readonly Record<string, unknown>[]): Record<string, unknown> =>
  Object.fromEntries(parts.flatMap((part) => Object.entries(part)));
const request = fc
  .tuple(
    fc.array(fc.constantFrom(...fragments), { maxLength: 3 }),
    fc.array(fc.constantFrom(...dockerFragments), { maxLength: 3 }),
  )
  .map(([parts, opts]) => ({ ...merged(parts), dockerOpts: merged(opts) }));

const base = context().sitePolicy;
const site: fc.Arbitrary<SitePolicy> = fc.record({
  ceilings: fc.record({
    memoryBytes: fc.constantFrom(32 * mib, gib, 8 * gib),
    cpuMillis: fc.constantFrom(200, 2000, 8000),
    cpuShares: fc.constantFrom(2, 1024, 2048),
    pids: fc.constantFrom(8, 100, 8192),
    nofile: fc.constantFrom(64, 4096),
    fsizeBytes: fc.constantFrom(mib, gib, Number.MAX_SAFE_INTEGER),
    shmBytes: fc.constantFrom(mib, gib),
    tmpfsBytes: fc.constantFrom(mib, gib, 16 * gib),
    diskBytes: fc.constantFrom(mib, gib, 1024 * gib),
    diskInodes: fc.constantFrom(1000, 20_000_000),
    lifetimeMs: fc.constantFrom(60_000, 86_400_000),
    idleTimeoutMs: fc.constantFrom(60_000, 86_400_000),
    timeoutMs: fc.constantFrom(60_000, 86_400_000),
    keepChangesMs: fc.constantFrom(3_600_000, 864_000_000),
    egressConnections: fc.constantFrom(8, 256),
    egressBytes: fc.constantFrom(mib, gib),
    egressBytesPerSecond: fc.constantFrom(mib, gib),
  }),
  admission: fc.constant(base.admission),
  defaults: fc.constantFrom(base.defaults, { ...base.defaults, workspace: 'rw' as const }),
  allowedRoots: fc.constant(['/home/ada']),
  readWriteAllowed: fc.boolean(),
  images: fc.subarray(['docker.io/library/*', 'quay.io/a/b:1']),
  imageRules: fc.boolean().map((pinned) => ({ ...base.imageRules, pinned })),
  pullAllowed: fc.boolean(),
  hostFolders: fc.subarray(['/opt', '/home/ada/.nvm']),
  require: fc.subarray(['memory', 'cpu'] as const),
  networks: fc.subarray(['internal', 'allowlist', 'open'] as const),
  seccomp: fc.subarray(['debug', 'nested'] as const),
  broker: fc.record({
    providers: fc.subarray([...providerIds]),
    environment: fc.boolean(),
    serverTools: fc.constant([]),
    git: fc.constant({}),
    routes: fc.constant({}),
    bytes: fc.constant(20 * 1024 ** 3),
  }),
  egress: fc.record({
    allow: fc.subarray(['*.example.com', 'preset:npm', 'https://example.org']),
    ask: fc.constant([]),
    approved: fc.constant([]),
  }),
  profiles: fc.constant(['*']),
  maxSessions: fc.constant(8),
  rootfulAllowed: fc.constant(false),
  initReportAccepted: fc.constant(false),
  tcpAllowed: fc.constant(false),
  alarms: fc.constant(base.alarms),
  versionFloorRequired: fc.constant(false),
  canaryRequired: fc.constant(false),
  withhold: fc.constant([]),
});

/** A policy that is at least as strict as the given one in every respect. */
function tightened(policy: SitePolicy): fc.Arbitrary<SitePolicy> {
  // Mostly not below what a sandbox needs at all, since nothing would then be allowed to compare.
  const lower = (key: string, value: number) => {
    const least = Object.entries(leastLimits).find(([name]) => name === key)?.[1] ?? mib;
    return fc.constantFrom(
      ...[1, 2, 2, 10, 10].map((by) => Math.max(least, Math.ceil(value / by))),
      Math.ceil(value / 10),
    );
  };
  const ceilings = Object.fromEntries(
    Object.entries(policy.ceilings).map(([key, value]: [string, number]) => [key, lower(key, value)]),
  ) as unknown as Record<keyof Ceilings, fc.Arbitrary<number>>;
  return fc
    .record({
      ceilings: fc.record(ceilings),
      readWriteAllowed: policy.readWriteAllowed ? fc.boolean() : fc.constant(false),
      pullAllowed: policy.pullAllowed ? fc.boolean() : fc.constant(false),
      images: fc.subarray([...policy.images]),
      imageRules: fc.boolean().map((more) => ({ ...policy.imageRules, pinned: policy.imageRules.pinned || more })),
      hostFolders: fc.subarray([...policy.hostFolders]),
      seccomp: fc.subarray([...policy.seccomp]),
      networks: fc.subarray([...policy.networks]),
      egress: fc.subarray([...policy.egress.allow]).map((allow) => ({ ...policy.egress, allow })),
      require: fc.subarray([...controlIds]).map((more) => [...new Set([...policy.require, ...more])]),
    })
    .map((changes) => ({ ...policy, ...changes }));
}

function notMore(strict: SandboxSpec, loose: SandboxSpec): void {
  const numbers = ['memoryBytes', 'cpuMillis', 'cpuShares', 'pids', 'nofile', 'coreBytes'] as const;
  for (const key of numbers) expect(strict.limits[key]).toBeLessThanOrEqual(loose.limits[key]);
  const unlimited = Number.POSITIVE_INFINITY;
  expect(strict.limits.fsizeBytes ?? unlimited).toBeLessThanOrEqual(loose.limits.fsizeBytes ?? unlimited);
  expect(strict.lifetimeMs).toBeLessThanOrEqual(loose.lifetimeMs);
  expect(strict.idleTimeoutMs ?? 0).toBeLessThanOrEqual(loose.idleTimeoutMs ?? 0);
  expect(strict.timeoutMs ?? 0).toBeLessThanOrEqual(loose.timeoutMs ?? 0);
  expect(strict.shmBytes).toBeLessThanOrEqual(loose.shmBytes);
  expect(strict.tmpfs.map(({ target }) => target)).toEqual(loose.tmpfs.map(({ target }) => target));
  for (const [index, { sizeBytes }] of strict.tmpfs.entries()) {
    expect(sizeBytes).toBeLessThanOrEqual(loose.tmpfs[index]?.sizeBytes ?? 0);
  }
  for (const mount of strict.mounts) {
    const same = loose.mounts.find(({ target }) => target === mount.target);
    expect(same?.hostPath).toBe(mount.hostPath);
    expect(mount.readOnly || same?.readOnly === false).toBe(true);
  }
  expect(strict.seccomp).toBe(loose.seccomp);
  expect(strict.network).toBe(loose.network);
  expect(strict.egress?.allow).toEqual(loose.egress?.allow);
  expect(strict.egress?.bytes ?? 0).toBeLessThanOrEqual(loose.egress?.bytes ?? 0);
  for (const id of loose.require) expect(strict.require).toContain(id);
}

function checkSpec(spec: SandboxSpec, { ceilings }: SitePolicy): void {
  const keys =
    'env hostname idleTimeoutMs image keepChangesMs labels lifetimeMs limits maskedPaths mounts network profile require seccomp shmBytes timeoutMs tmpfs workdir workspace';
  const { egress, ports, ...rest } = spec;
  expect(Object.keys(rest).sort().join(' ')).toBe(keys);
  expect(egress === undefined).toBe(spec.network === 'none' || spec.network === 'open');
  expect(ports === undefined).toBe(spec.network !== 'internal');
  if (egress !== undefined) expect(egress.bytes).toBeLessThanOrEqual(ceilings.egressBytes);
  const { limits } = spec;
  const pairs = [
    [limits.memoryBytes, ceilings.memoryBytes],
    [limits.cpuMillis, ceilings.cpuMillis],
    [limits.cpuShares, ceilings.cpuShares],
    [limits.pids, ceilings.pids],
    [limits.nofile, ceilings.nofile],
    [limits.fsizeBytes ?? 1, ceilings.fsizeBytes],
    [spec.shmBytes, ceilings.shmBytes],
    [spec.lifetimeMs, ceilings.lifetimeMs],
    [spec.idleTimeoutMs ?? 0, ceilings.idleTimeoutMs],
    [spec.timeoutMs ?? 0, ceilings.timeoutMs],
    [spec.tmpfs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), ceilings.tmpfsBytes],
  ] as const;
  for (const [value, ceiling] of pairs) {
    expect(Number.isSafeInteger(value) && value > 0 && value <= ceiling, `${value} within ${ceiling}`).toBe(true);
  }
  expect(limits.coreBytes).toBe(0);
  for (const { hostPath, target } of spec.mounts) expect(`${hostPath}${target}`).not.toMatch(/[,:\n\0"]/);
  for (const [name, value] of Object.entries(spec.env)) {
    expect(name).toMatch(/^[A-Za-z_][A-Za-z0-9_]*$/);
    expect(value).not.toMatch(/\p{Cc}/u);
  }
}

describe('a site policy', () => {
  it('never allows more when it is tightened', slow, () => {
    let allowed = 0;
    const pairs = site.chain((loose) => fc.tuple(fc.constant(loose), tightened(loose), request));
    fc.assert(
      fc.property(pairs, ([loose, strict, asked]) => {
        const strictly = decideCreate(asked, context(strict));
        if (strictly.verdict === 'deny') return;
        allowed += 1;
        const loosely = decideCreate(asked, context(loose));
        expect(loosely).toMatchObject({ verdict: 'allow' });
        if (loosely.verdict === 'allow') notMore(strictly.spec, loosely.spec);
      }),
      { numRuns: 1200 },
    );
    // Without enough allowed requests the property would say nothing.
    expect(allowed).toBeGreaterThan(100);
  });

  it(
    'never gives more by a profile that only tightens, whatever that says, and whatever else is asked for',
    slow,
    () => {
      let allowed = 0;
      const { memoryBytes, workspace, ...rest } = base.defaults;
      const defaults = fc.record(
        {
          memoryBytes: fc.constantFrom(memoryBytes / 8, memoryBytes * 4),
          workspace: fc.constantFrom('none' as const, 'rw' as const, workspace),
          ...Object.fromEntries(
            Object.entries(rest)
              .filter((entry): entry is [string, number] => typeof entry[1] === 'number')
              .map(([key, value]) => [key, fc.constantFrom(value / 4, value * 4)]),
          ),
        },
        { requiredKeys: [] },
      );
      fc.assert(
        fc.property(site, request, defaults, (policy, asked, own) => {
          const parts = { description: 'd', path: undefined, isShipped: false, onlyTightens: true };
          const tight = { ...parts, name: 'tight', require: ['pids' as const], defaults: own as ProfileDefaults };
          const having = { ...context(policy), profiles: [standardProfile, tight] };
          const strictly = decideCreate({ ...asked, profile: 'tight' }, having);
          const loosely = decideCreate(asked, having);
          if (strictly.verdict === 'deny' || loosely.verdict === 'deny') return;
          allowed += 1;
          const { spec } = loosely;
          // What nobody asked for shares what is left: one may get more of that than before, all together may not, but for rounding.
          const held = (tmpfs: SandboxSpec['tmpfs']) => tmpfs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
          expect(held(strictly.spec.tmpfs)).toBeLessThanOrEqual(held(spec.tmpfs) + spec.tmpfs.length);
          const { fsizeBytes = 0 } = spec.limits;
          notMore({ ...strictly.spec, tmpfs: spec.tmpfs, limits: { ...strictly.spec.limits, fsizeBytes } }, spec);
          expect(strictly.spec.require).toContain('pids');
        }),
        { numRuns: 800 },
      );
      expect(allowed).toBeGreaterThan(100);
    },
  );

  it('bounds every number of every plan', slow, () => {
    let allowed = 0;
    fc.assert(
      fc.property(site, request, (policy, asked) => {
        const verdict = decideCreate(asked, context(policy));
        if (verdict.verdict === 'deny') return;
        allowed += 1;
        checkSpec(verdict.spec, policy);
      }),
      { numRuns: 800 },
    );
    expect(allowed).toBeGreaterThan(100);
  });
});

describe('any input', () => {
  const keys = [
    'projectPath',
    'profile',
    'image',
    'env',
    'labels',
    'dockerOpts',
    'mcpMounts',
    'memory',
    'cpus',
    'name',
    'argv',
    'command',
  ];
  const anything = fc.oneof(
    fc.anything({ withNullPrototype: true, withMap: true, withDate: true, withBigInt: true, withSparseArray: true }),
    fc.jsonValue(),
    fc.dictionary(fc.constantFrom(...keys), fc.jsonValue()),
    fc.record({
      dockerOpts: fc.dictionary(fc.constantFrom(...dockerOptions().map(({ name }) => name)), fc.jsonValue()),
    }),
  );

  it('gets a verdict on create, and nothing unparsed into a plan', slow, () => {
    fc.assert(
      fc.property(anything, (input) => {
        const verdict = decideCreate(input, context());
        if (verdict.verdict === 'allow') checkSpec(verdict.spec, base);
        else expect(Object.keys(rules)).toContain(verdict.ruleId);
      }),
      { numRuns: 1200 },
    );
  });

  it('gets a verdict on exec', slow, () => {
    const spec = specOf({});
    fc.assert(
      fc.property(anything, (input) => {
        const verdict = decideExec(input, spec, base);
        if (verdict.verdict === 'allow') expect(verdict.request.argv.join('')).not.toContain('\0');
        else expect(Object.keys(rules)).toContain(verdict.ruleId);
      }),
      { numRuns: 800 },
    );
  });
});

describe('a forbidden option', () => {
  const forbidden: readonly (readonly [string, unknown])[] = [
    ['Privileged', true],
    ['PidMode', 'host'],
    ['IpcMode', 'host'],
    ['UTSMode', 'host'],
    ['UsernsMode', 'host'],
    ['CgroupnsMode', 'host'],
    ['Devices', [{}]],
    ['CapAdd', ['ALL']],
    ['SecurityOpt', ['seccomp=unconfined']],
    ['Annotations', { 'run.oci.handler': 'x' }],
    ['LogConfig', { Type: 'journald' }],
    ['ContainerIDFile', '/x'],
    ['Runtime', 'x'],
    ['CgroupParent', 'x'],
    ['Sysctls', { a: 'b' }],
    ['OomKillDisable', true],
    ['NetworkMode', 'host'],
    ['Memory', -1],
    ['PidsLimit', -1],
    ['Entrypoint', ['x']],
    ['ReadonlyRootfs', false],
    ['User', 'root'],
    ['MaskedPaths', []],
  ];

  it('is refused in any casing, flat or nested, beside anything that is fine', slow, () => {
    const cased = fc
      .constantFrom(...forbidden)
      .chain(([name, value]) =>
        fc
          .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
          .map(
            (ups) =>
              [
                Array.from(name, (c, i) => (ups[i] === true ? c.toUpperCase() : c.toLowerCase())).join(''),
                value,
              ] as const,
          ),
      );
    fc.assert(
      fc.property(cased, fc.boolean(), optional(fc.constant({ CapDrop: ['ALL'] })), ([key, value], nest, beside) => {
        const inner = { ...beside, [key]: value };
        const verdict = decideCreate({ dockerOpts: nest ? { HostConfig: inner } : inner }, context());
        expect(verdict.verdict).toBe('deny');
      }),
      { numRuns: 500 },
    );
  });
});
