import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Config, type ConfigInput, loadConfig } from '../../../src/config/load.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'paddock-profiles-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const uid = process.getuid?.() ?? 0;

function put(path: string, text: string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true, mode: 0o755 });
  writeFileSync(join(folder, path), text, { mode: 0o644 });
}

/** The site's files are in `site`, the user's in `user/paddock`; the shipped ones are the real ones. */
function load(changes: Partial<ConfigInput> = {}): Promise<Config> {
  const env = { XDG_CONFIG_HOME: join(folder, 'user'), ...changes.env };
  return loadConfig({ flags: {}, homeDir: folder, uid, policyPath: join(folder, 'site/policy.toml'), ...changes, env });
}

async function complaint(changes: Partial<ConfigInput> = {}): Promise<string> {
  const error: unknown = await load(changes).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'BAD_CONFIG' });
  return (error as Error).message;
}

describe('the profiles that come with Paddock', () => {
  it('are four, each described, in the package, and none is called like a security profile', async () => {
    const { profiles } = await load();
    expect(profiles.map(({ name }) => name)).toEqual(['debug', 'nested', 'standard', 'strict']);
    for (const { description, path, isShipped } of profiles) {
      expect(description.length).toBeGreaterThan(20);
      expect([isShipped, path]).toEqual([true, expect.stringContaining('profiles/presets/')]);
    }
    const { files } = JSON.parse(readFileSync('package.json', 'utf8')) as { files: string[] };
    expect(files).toContain('profiles');
  });

  it('standard sets nothing at all, so that it is what there is without it', async () => {
    const standard = (await load()).profiles.find(({ name }) => name === 'standard');
    expect(standard).toMatchObject({ defaults: {}, require: [], onlyTightens: false });
  });

  it('strict says everything that can be said, and only ever lowers', async () => {
    const { profiles, sitePolicy } = await load();
    const strict = profiles.find(({ name }) => name === 'strict');
    const all = Object.keys(sitePolicy.defaults).filter((key) => key !== 'profile');
    expect(Object.keys(strict?.defaults ?? {}).sort()).toEqual(all.sort());
    expect(strict).toMatchObject({ onlyTightens: true, require: ['memory', 'pids', 'host-lsm'] });
  });

  it('standard is there even where their folder is not', async () => {
    const { profiles } = await load({ shippedProfiles: join(folder, 'nothing') });
    expect(profiles.map(({ name }) => name)).toEqual(['standard']);
  });
});

describe('profiles of a site and of a user', () => {
  const small = 'description = "small"\n[defaults]\nmemory = "256m"\nseccomp = "debug"\n';

  it('lie beside their settings, have the same words and units, and count with the others', async () => {
    put('site/profiles/ci.toml', small);
    put('site/profiles/README', 'not a profile');
    put('user/paddock/profiles/mine.toml', 'description = "mine"\nrequire = ["cpu"]\nonly_tightens = true\n');
    const { profiles } = await load();
    expect(profiles.find(({ name }) => name === 'ci')).toEqual({
      ...{ name: 'ci', description: 'small', path: join(folder, 'site/profiles/ci.toml'), isShipped: false },
      ...{ onlyTightens: false, require: [], defaults: { memoryBytes: 256 * 1024 ** 2, seccomp: 'debug' } },
    });
    expect(profiles.find(({ name }) => name === 'mine')).toMatchObject({ require: ['cpu'], onlyTightens: true });
  });

  it.each([
    ['site/profiles/strict.toml', 'the name strict belongs to a profile that comes with Paddock'],
    ['user/paddock/profiles/standard.toml', 'the name standard belongs to a profile that comes with Paddock'],
  ])('can’t take the place of a shipped one: %s', async (path, why) => {
    put(path, small);
    const message = await complaint();
    expect(message).toContain(join(folder, path));
    expect(message).toContain(why);
  });

  it('of a user can’t take the place of one of the site', async () => {
    put('site/profiles/ci.toml', small);
    put('user/paddock/profiles/ci.toml', small);
    expect(await complaint()).toContain(`the name ci belongs to ${folder}/site/profiles/ci.toml`);
  });

  it.each([
    ['memroy = "1g"\ndescription = "x"', ':1: memroy: no such setting'],
    ['description = "x"\n[ceilings]\nmemory = "1g"', 'ceilings: no such setting'],
    ['description = "x"\n[defaults]\nprofile = "strict"', ':3: defaults.profile: no such setting'],
    ['description = "x"\n[defaults]\nmemory = "much"', ':3: defaults.memory: not a size'],
    ['description = "x"\nrequire = ["luck"]', ':2: require'],
    ['[defaults]\nmemory = "1g"', 'description'],
    ['description = """two\nlines"""', ':1: description: holds a control character'],
  ])('are refused with file, line and key: %j', async (text, expected) => {
    put('site/profiles/ci.toml', text);
    const message = await complaint();
    expect(message).toContain(`${folder}/site/profiles/ci.toml`);
    expect(message).toContain(expected);
  });

  it.each(['apparmor', 'selinux-x', 'seccomp-debug', 'Big', '1st', '.hidden', '-x'])(
    'are not called %s',
    async (name) => {
      put(`site/profiles/${name}.toml`, small);
      expect(await complaint()).toContain('its name is none for a profile');
    },
  );

  it('are refused when others could have written them, or put others in their place', async () => {
    put('site/profiles/ci.toml', small);
    chmodSync(join(folder, 'site/profiles/ci.toml'), 0o664);
    expect(await complaint()).toContain('ci.toml can be written by its group');
    chmodSync(join(folder, 'site/profiles/ci.toml'), 0o644);
    chmodSync(join(folder, 'site/profiles'), 0o777);
    expect(await complaint()).toContain('site/profiles can be written by its group');
    chmodSync(join(folder, 'site/profiles'), 0o755);
    symlinkSync('ci.toml', join(folder, 'site/profiles/other.toml'));
    expect(await complaint()).toContain('other.toml is a symbolic link');
  });
});

describe('which profile is used where none is named', () => {
  const user = (text: string) => put('user/paddock/config.toml', text);
  const site = (text: string) => put('site/policy.toml', text);

  it('is standard, or what the settings say, each before the one above it', async () => {
    const chosen = async (changes?: Partial<ConfigInput>) => {
      const { sitePolicy, origins } = await load(changes);
      return [sitePolicy.defaults.profile, origins['defaults.profile'] ?? 'default'];
    };
    expect(await chosen()).toEqual(['standard', 'default']);
    site('[defaults]\nprofile = "strict"');
    expect(await chosen()).toEqual(['strict', `policy:${folder}/site/policy.toml`]);
    user('[defaults]\nprofile = "debug"');
    expect(await chosen()).toEqual(['debug', `file:${folder}/user/paddock/config.toml`]);
    expect(await chosen({ env: { PADDOCK_PROFILE: 'standard' } })).toEqual(['standard', 'env:PADDOCK_PROFILE']);
  });

  it('is the first that the site allows where that is not standard', async () => {
    site('profiles = ["ci*", "strict"]');
    expect((await load()).sitePolicy.defaults.profile).toBe('strict');
    put('site/profiles/ci-small.toml', 'description = "small"');
    const { sitePolicy, origins } = await load();
    expect(sitePolicy.defaults.profile).toBe('ci-small');
    expect(origins['defaults.profile']).toBe(`policy:${folder}/site/policy.toml`);
  });

  it('is none of those that the site does not allow, whoever asks', async () => {
    site('profiles = ["strict", "standard"]');
    user('[defaults]\nprofile = "debug"');
    expect(await complaint()).toContain("defaults.profile: debug is looser than the policy's [strict, standard]");
    user('[policy]\nprofiles = ["*"]');
    expect(await complaint()).toContain("profiles: * is looser than the policy's [strict, standard]");
    user('[policy]\nprofiles = ["strict"]');
    expect((await load()).sitePolicy).toMatchObject({ profiles: ['strict'], defaults: { profile: 'strict' } });
  });

  it('has to be there', async () => {
    user('[defaults]\nprofile = "stricct"');
    expect(await complaint()).toContain('there is no profile stricct, only debug, nested, standard, strict');
    user('[policy]\nprofiles = ["ci"]');
    expect(await complaint()).toContain('profiles: none of them is there');
  });

  it('and which filter and network, are settings like the others', async () => {
    user('[defaults]\nseccomp = "debug"\n');
    expect(await complaint()).toContain("defaults.seccomp: debug is looser than the policy's [default]");
    user('[defaults]\nseccomp = "debug"\n[policy]\nseccomp = ["debug"]');
    expect((await load()).sitePolicy.defaults).toMatchObject({ seccomp: 'debug', network: 'none' });
    user('[defaults]\nnetwork = "open"\n');
    expect(await complaint()).toContain(
      "defaults.network: open is looser than the policy's [none, internal, allowlist]",
    );
    user('[defaults]\nnetwork = "open"\n[policy]\nnetworks = ["open"]');
    expect((await load()).sitePolicy.defaults).toMatchObject({ network: 'open' });
    user('[defaults]\nnetwork = "bridge"\n');
    expect(await complaint()).toContain('config.toml:2: defaults.network');
  });

  it('notes who added what is required', async () => {
    site('require = ["memory", "seccomp"]');
    user('[policy]\nrequire = ["memory", "host-lsm"]');
    const { origins, sitePolicy } = await load();
    expect(sitePolicy.require).toEqual(expect.arrayContaining(['memory', 'host-lsm', 'seccomp']));
    expect(origins['require.memory']).toBe(`policy:${folder}/site/policy.toml`);
    expect(origins['require.host-lsm']).toBe(`file:${folder}/user/paddock/config.toml`);
    expect(origins['require.seccomp']).toBeUndefined();
  });
});
