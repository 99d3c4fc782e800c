import { describe, expect, it } from 'vitest';
import { describeConfig } from '../../../src/config/describe.js';
import { defaultPolicyPath } from '../../../src/config/load.js';
import { complaint, load, rootFile, userFile } from './support/loading.js';

const gib = 1024 ** 3;

describe('without any setting', () => {
  it('everything has a default', async () => {
    const config = await load();
    expect(config).toMatchObject({
      engine: undefined,
      hostFolders: [],
      auditLogPath: '/home/ada/.local/state/paddock/audit.jsonl',
      stateDir: '/home/ada/.local/state/paddock',
      runtimeDir: '/run/user/1000/paddock',
      logLevel: 'info',
      clientName: undefined,
      warnings: [],
    });
    expect(config.sitePolicy).toMatchObject({
      allowedRoots: ['/home/ada'],
      images: [],
      pullAllowed: false,
      rootfulAllowed: false,
      tcpAllowed: false,
      maxSessions: 8,
    });
  });

  it('an account without a home has no roots', async () => {
    expect((await load({ homeDir: '/' })).sitePolicy.allowedRoots).toEqual([]);
  });

  it('nothing can be changed afterwards', async () => {
    const { sitePolicy } = await load();
    expect(() => Object.assign(sitePolicy.ceilings, { memoryBytes: 1 })).toThrow(TypeError);
    expect(() => (sitePolicy.images as string[]).push('*')).toThrow(TypeError);
  });
});

describe('the order of sources', () => {
  const found = {
    [userFile]: 'log_level = "warn"\nstate_dir = "~/s"\nengine = "unix:///a.sock"\n[defaults]\nmemory = "1g"\n',
  };
  const env = { PADDOCK_LOG_LEVEL: 'error', MCP_AUDIT_LOG: '/var/log/p.jsonl', PADDOCK_MEMORY: '3g', PADDOCK_PIDS: '' };

  it('is default, file, environment, flag', async () => {
    const config = await load({ env, flags: { 'log-level': 'debug' } }, found);
    expect(config).toMatchObject({
      logLevel: 'debug',
      stateDir: '/home/ada/s',
      engine: 'unix:///a.sock',
      auditLogPath: '/var/log/p.jsonl',
      sitePolicy: { defaults: { memoryBytes: 3 * gib } },
    });
  });

  it('is shown with every value', async () => {
    const config = await load(
      { env, flags: { 'log-level': 'debug' } },
      { ...found, [defaultPolicyPath]: rootFile('pull = true') },
    );
    const rows = new Map(describeConfig(config).settings.map((row) => [row.key, row]));
    expect(rows.get('logLevel')).toMatchObject({ value: 'debug', origin: 'flag:--log-level' });
    expect(rows.get('auditLogPath')).toMatchObject({ origin: 'env:MCP_AUDIT_LOG' });
    expect(rows.get('stateDir')).toMatchObject({ origin: `file:${userFile}` });
    expect(rows.get('runtimeDir')).toMatchObject({ origin: 'default' });
    expect(rows.get('clientName')).toMatchObject({ value: null, text: 'not set' });
    expect(rows.get('policy.pullAllowed')).toMatchObject({ value: true, origin: `policy:${defaultPolicyPath}` });
    expect(rows.get('policy.ceilings.fsizeBytes')).toMatchObject({ text: 'not limited', origin: 'default' });
    expect(rows.get('defaults.memoryBytes')).toMatchObject({ text: '3 GiB', origin: 'env:PADDOCK_MEMORY' });
  });

  it('takes folders from the XDG variables, absolute ones only', async () => {
    const xdg = { XDG_STATE_HOME: '/s/', XDG_RUNTIME_DIR: '/r', XDG_CONFIG_HOME: 'rel' };
    const config = await load({ env: xdg });
    expect(config).toMatchObject({ stateDir: '/s/paddock', runtimeDir: '/r/paddock' });
    expect(config.warnings.join()).toContain('XDG_CONFIG_HOME');
  });

  it('warns of variables that look like settings and are none', async () => {
    const config = await load({ env: { PADDOCK_MEMROY: '1g', PADDOCK_TEST_X: '1' } });
    expect(config.warnings).toEqual(['the environment variable PADDOCK_MEMROY is not a setting and was not used']);
  });
});

describe('bad settings name where they stand', () => {
  it.each([
    ['log_level = "loud"', `${userFile}:1: log_level`],
    ['\nhost_foders = []', `${userFile}:2: host_foders: no such setting`],
    ['[defaults]\ncpus = 1\nmemory = "2 gigs"', `${userFile}:3: defaults.memory: not a size`],
    ['[defaults]\nmemory = -1', `${userFile}:2: defaults.memory`],
    ['[defaults]\npids = 1.5', `${userFile}:2: defaults.pids`],
    ['[policy]\n[policy.ceilings]\nmemroy = 1', `${userFile}:3: policy.ceilings.memroy: no such setting`],
    ['a = = 1', `${userFile}:1: Invalid TOML`],
    ['state_dir = "relative"', `${userFile}:1: state_dir`],
    ['host_folders = ["/opt", "/opt/../etc"]', `${userFile}:1: host_folders.1`],
    ['__proto__ = 1', userFile],
    ['[__proto__]\nx = 1', userFile],
    ['engine = 1979-05-27', `${userFile}:1: engine`],
  ])('%j', async (text, expected) => {
    expect(await complaint({}, { [userFile]: text })).toContain(expected);
  });

  it('in the environment and in flags', async () => {
    expect(await complaint({ env: { PADDOCK_MEMORY: 'x' } })).toContain('env:PADDOCK_MEMORY');
    expect(await complaint({ env: { PADDOCK_HOST_FOLDERS: '/opt:rel' } })).toContain('env:PADDOCK_HOST_FOLDERS');
    expect(await complaint({ flags: { memory: 'x' } })).toContain('flag:--memory');
    expect(await complaint({ flags: { nope: 'x' } })).toContain('--nope');
  });
});

describe('the site policy', () => {
  const policy = `
images = ["docker.io/library/*"]
read_write = false
allowed_roots = ["~/src"]
require = ["memory"]
max_sessions = 4
[ceilings]
memory = "4g"
lifetime = "1h"
`;

  it('replaces the built-in one where it says something, and only adds to what is required', async () => {
    const { sitePolicy } = await load({}, { [defaultPolicyPath]: rootFile(policy) });
    expect(sitePolicy).toMatchObject({
      images: ['docker.io/library/*'],
      readWriteAllowed: false,
      allowedRoots: ['/home/ada/src'],
      ceilings: { memoryBytes: 4 * gib, lifetimeMs: 3_600_000, pids: 8192 },
      defaults: { memoryBytes: 2 * gib, lifetimeMs: 3_600_000 },
    });
    expect(sitePolicy.require).toEqual(expect.arrayContaining(['memory', 'seccomp', 'capabilities']));
  });

  it.each([
    ['[policy.ceilings]\nmemory = "5g"', 'ceilings.memory', String(5 * gib), String(4 * gib)],
    ['[policy]\nimages = ["docker.io/*"]', 'images', 'docker.io/*', 'docker.io/library/*'],
    ['[policy]\nread_write = true', 'read_write', 'true', 'false'],
    ['[policy]\npull = true', 'pull', 'true', 'false'],
    ['[policy]\nrootful = true', 'rootful', 'true', 'false'],
    ['[policy]\nallowed_roots = ["~/srcs"]', 'allowed_roots', '/home/ada/srcs', '/home/ada/src'],
    ['[policy]\nmax_sessions = 5', 'max_sessions', '5', '4'],
    ['max_sessions = 5', 'max_sessions', '5', '4'],
    ['[defaults]\nmemory = "5g"', 'defaults.memory', String(5 * gib), String(4 * gib)],
    ['[defaults]\nworkspace = "rw"', 'defaults.workspace', 'rw', 'cow'],
    ['host_folders = ["/etc"]', 'host_folders', '/etc', '/opt'],
  ])('is not loosened by %j', async (text, key, asked, allowed) => {
    const message = await complaint({}, { [defaultPolicyPath]: rootFile(policy), [userFile]: text });
    for (const part of [key, asked, allowed, userFile]) expect(message).toContain(part);
  });

  it('says of folders beyond its list that they have to be there as well', async () => {
    const loading = load({}, { [userFile]: 'host_folders = ["/srv/tools"]' });
    await expect(loading).rejects.toMatchObject({
      code: 'BAD_CONFIG',
      hint: expect.stringContaining('`[policy]`') as string,
    });
  });

  it('withholds what any file adds, and never less', async () => {
    const found = {
      [defaultPolicyPath]: rootFile('[apply]\nwithhold = ["Deploy", "ops/*.sh"]'),
      [userFile]: '[policy.apply]\nwithhold = ["infra"]',
    };
    const { sitePolicy, origins } = await load({}, found);
    expect(sitePolicy.withhold).toEqual(['deploy', 'ops/*.sh', 'infra']);
    expect(origins['policy.withhold']).toBe(`file:${userFile}`);
    for (const bad of ['/etc', '../x', 'a//b', '**', '']) {
      expect(await complaint({}, { [userFile]: `[policy.apply]\nwithhold = ["${bad}"]` })).toContain(
        'policy.apply.withhold.0',
      );
    }
  });

  it('is not loosened from the environment', async () => {
    const found = { [defaultPolicyPath]: rootFile(policy) };
    expect(await complaint({ env: { PADDOCK_MAX_SESSIONS: '9' } }, found)).toContain('env:PADDOCK_MAX_SESSIONS');
    expect(await complaint({ env: { PADDOCK_LIFETIME: '2h' } }, found)).toContain('env:PADDOCK_LIFETIME');
  });

  it('is the user where the machine has none', async () => {
    const text =
      '[policy]\nimages = ["docker.io/library/*"]\npull = true\nallowed_roots = ["/srv/code"]\nrequire = ["pids"]';
    const { sitePolicy, origins } = await load({}, { [userFile]: text });
    expect(sitePolicy).toMatchObject({
      images: ['docker.io/library/*'],
      pullAllowed: true,
      allowedRoots: ['/srv/code'],
    });
    expect(sitePolicy.require).toEqual(expect.arrayContaining(['capabilities', 'seccomp', 'pids']));
    expect(origins['policy.images']).toBe(`file:${userFile}`);
  });

  it('is not loosened by a variable where the machine has none either', async () => {
    expect(await complaint({ env: { PADDOCK_MAX_SESSIONS: '900' } }, {})).toContain('env:PADDOCK_MAX_SESSIONS');
  });

  it('can be tightened by the user', async () => {
    const text = `
[policy]
images = ["docker.io/library/node:*"]
allowed_roots = ["~/src/app"]
require = ["pids"]
version_floor = true
canary_required = true
[policy.ceilings]
memory = "1g"
`;
    const { sitePolicy, origins } = await load({}, { [defaultPolicyPath]: rootFile(policy), [userFile]: text });
    expect(sitePolicy).toMatchObject({
      images: ['docker.io/library/node:*'],
      allowedRoots: ['/home/ada/src/app'],
      versionFloorRequired: true,
      canaryRequired: true,
      ceilings: { memoryBytes: gib },
      defaults: { memoryBytes: gib },
    });
    expect(sitePolicy.require).toEqual(expect.arrayContaining(['memory', 'pids']));
    expect(origins['ceilings.memoryBytes']).toBe(`file:${userFile}`);
  });

  it('says which networks may be asked for, and the user may take some of them away', async () => {
    const site = { [defaultPolicyPath]: rootFile('networks = ["allowlist"]') };
    const user = (list: string) => ({ ...site, [userFile]: `[policy]\nnetworks = ${list}` });
    expect((await load()).sitePolicy.networks).toEqual(['internal', 'allowlist']);
    expect((await load({}, site)).sitePolicy.networks).toEqual(['allowlist']);
    expect((await load({}, user('["none"]'))).sitePolicy.networks).toEqual(['none']);
    expect(await complaint({}, user('["internal"]'))).toContain('internal is looser than the policy');
    expect(await complaint({}, { [defaultPolicyPath]: rootFile('networks = ["host"]') })).toContain('networks');
  });

  it('says which system call filters may be asked for, and the user may take some of them away', async () => {
    const site = { [defaultPolicyPath]: rootFile('seccomp = ["debug"]') };
    const user = (list: string) => ({ ...site, [userFile]: `[policy]\nseccomp = ${list}` });
    expect((await load()).sitePolicy.seccomp).toEqual([]);
    expect((await load({}, site)).sitePolicy.seccomp).toEqual(['debug']);
    expect((await load({}, user('["default"]'))).sitePolicy.seccomp).toEqual(['default']);
    expect(await complaint({}, user('["nested"]'))).toContain('nested is looser than the policy');
    expect(await complaint({}, { [defaultPolicyPath]: rootFile('seccomp = ["unconfined"]') })).toContain('seccomp');
  });

  it('is refused when its own defaults are above its ceilings', async () => {
    const text = '[ceilings]\nmemory = "1g"\n[defaults]\nmemory = "2g"';
    expect(await complaint({}, { [defaultPolicyPath]: rootFile(text) })).toContain('defaults.memory');
  });

  it.each([
    [{ ownerUid: 1000, mode: 0o644 }, 'uid 1000'],
    [{ ownerUid: 0, mode: 0o664 }, 'group'],
    [{ ownerUid: 0, mode: 0o646 }, 'everybody'],
  ])('is refused when somebody else could have written it: %j', async (facts, expected) => {
    expect(await complaint({}, { [defaultPolicyPath]: { text: '', ...facts } })).toContain(expected);
  });

  it('may be the own file of whoever gives its path', async () => {
    const { sitePolicy } = await load({ policyPath: '/p.toml' }, { '/p.toml': 'pull = true' });
    expect(sitePolicy.pullAllowed).toBe(true);
  });

  it('at another path is not taken from the environment', async () => {
    const config = await load({ env: { PADDOCK_POLICY: '/p.toml' } }, { '/p.toml': 'pull = true' });
    expect(config.sitePolicy.pullAllowed).toBe(false);
    expect(config.warnings).toHaveLength(1);
  });
});

describe("the user's file", () => {
  it('is refused when others could have written it', async () => {
    expect(await complaint({}, { [userFile]: { text: '', ownerUid: 1000, mode: 0o666 } })).toContain(userFile);
    expect(await complaint({}, { [userFile]: { text: '', ownerUid: 1001, mode: 0o644 } })).toContain('1001');
  });
});

describe('what sandboxes may reach', () => {
  const site = { [defaultPolicyPath]: rootFile('[egress]\nallow = ["*.Example.com", "npm"]\n') };

  it('is nothing without a list, and else the rules of the list in their canonical form', async () => {
    expect((await load()).sitePolicy.egress).toEqual({ allow: [], ask: [], approved: [] });
    expect((await load({}, site)).sitePolicy.egress).toEqual({
      allow: ['*.example.com', 'preset:npm'],
      ask: [],
      approved: [],
    });
  });

  it('can be narrowed by the user’s own file, not widened', async () => {
    const own = (list: string) => ({ ...site, [userFile]: `[policy.egress]\nallow = [${list}]\n` });
    const narrowed = await load({}, own('"https://a.example.com", "preset:npm"'));
    expect(narrowed.sitePolicy.egress.allow).toEqual(['https://a.example.com', 'preset:npm']);
    expect(narrowed.origins['policy.egress.allow']).toBe(`file:${userFile}`);
    for (const more of ['"example.com"', '"preset:pip"', '"*"']) {
      expect(await complaint({}, own(more))).toContain('is looser than the policy');
    }
  });

  it('is the user’s to say where no site has a policy', async () => {
    const { sitePolicy } = await load(
      {},
      { [userFile]: '[policy.egress]\nallow = ["example.com:8443"]\nask = ["*"]\n' },
    );
    expect(sitePolicy.egress).toEqual({ allow: ['example.com:8443'], ask: ['*'], approved: [] });
  });

  it('has what was approved for always, as far as the policy still covers it, and shows each list with its origin', async () => {
    const approvals = userFile.replace('config.toml', 'approved-hosts');
    const config = await load(
      {},
      {
        [userFile]: '[policy.egress]\nask = ["*.example.com"]\n',
        [approvals]: '# a word\nhttps://a.example.com\n\nhttps://a.example.com\nhttps://example.net\n127.1\n',
      },
    );
    expect(config.sitePolicy.egress.approved).toEqual(['https://a.example.com']);
    expect(config.warnings).toEqual([
      expect.stringContaining('https://example.net is beyond the policy'),
      expect.stringMatching(/approved-hosts: .*; it was not used/),
    ]);
    const rows = new Map(describeConfig(config).settings.map(({ key, text, origin }) => [key, [text, origin]]));
    expect(rows.get('policy.egress.allow')).toEqual(['none', 'default']);
    expect(rows.get('policy.egress.ask')).toEqual(['*.example.com', `file:${userFile}`]);
    expect(rows.get('policy.egress.approved')).toEqual(['https://a.example.com', `file:${approvals}`]);
  });

  it('is refused where somebody else could have approved it', async () => {
    const approvals = userFile.replace('config.toml', 'approved-hosts');
    const shared = { text: 'https://a.example.com\n', ownerUid: 1000, mode: 0o664 };
    expect(await complaint({}, { [approvals]: shared })).toContain('can be written by its group');
  });

  it('is refused where it can be read in two ways', async () => {
    expect(await complaint({}, { [userFile]: '[policy.egress]\nallow = ["127.1"]\n' })).toContain('config.toml');
  });
});
