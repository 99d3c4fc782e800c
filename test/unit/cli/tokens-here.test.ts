import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tokensHere } from '../../../src/cli/tokens-here.js';
import { loadConfig } from '../../../src/config/load.js';
import { rootsNow } from '../../../src/workspace/roots-now.js';
import { HandClock, Issuer, issuer, resource } from '../oauth/support/issuer.js';

let folder: string;
let theirs: Issuer;
let clock: HandClock;
let warnings: string[];

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'pdk-oauth-')));
  theirs = await new Issuer().newKey('one');
  clock = new HandClock();
  warnings = [];
  await mkdir(join(folder, 'app'));
  await publish();
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);
const publish = async () => writeFile(at('keys.json'), JSON.stringify(await theirs.keySet()), { mode: 0o644 });
const uid = process.geteuid?.() ?? 0;

/** What a server makes of these settings. */
async function here(more = '', grant = '', hosts = ['mcp.example.org']) {
  const text = `
    [http.oauth]
    issuer = "${issuer}"
    resource = "${resource}"
    jwks_file = "${at('keys.json')}"
    ${more.includes('scopes') ? '' : 'scopes = { "paddock:read" = ["read"] }'}
    ${more}
    [[http.oauth.grants]]
    name = "all"
    when = {}
    ${grant}`;
  const found = { text, ownerUid: uid, mode: 0o600 };
  const readFile = (path: string) => Promise.resolve(path.endsWith('config.toml') ? found : undefined);
  const effects = { readFile, readFolder: () => Promise.resolve(undefined) };
  const config = await loadConfig({ env: {}, flags: {}, homeDir: folder, uid, effects });
  if (config.oauth === undefined) throw new Error('no settings');
  return await tokensHere(config, config.oauth, new Set(hosts), {
    ...{ clock, onAway: () => undefined },
    warn: (text) => warnings.push(text),
  });
}

const welcome = ({ id }: { readonly id: string }) => Promise.resolve(id);
const refused = (message: RegExp) => ({ code: 'BAD_CONFIG', message: expect.stringMatching(message) });

describe('a server that takes access tokens', () => {
  it('takes those that are signed by a key in the file, also by one that comes into it later', async () => {
    const tokens = await here();
    expect(await tokens.admit(await theirs.sign('one'), welcome)).toMatchObject({ caller: expect.any(String) });
    await theirs.newKey('two');
    await publish();
    clock.atMs += 31_000;
    expect(await tokens.admit(await theirs.sign('two'), welcome)).toMatchObject({ caller: expect.any(String) });
  });

  it('believes no key of a file that others could have written by now', async () => {
    const tokens = await here();
    await chmod(at('keys.json'), 0o666);
    const token = await theirs.sign('one');
    await expect(tokens.admit(token, welcome)).rejects.toMatchObject({ reason: 'issuer', status: 503 });
  });

  it.each<[string, () => Promise<void>]>([
    ['is not there', () => rm(at('keys.json'))],
    ['is no JSON', () => writeFile(at('keys.json'), '{')],
    ['has no public keys', () => writeFile(at('keys.json'), '{"keys":[{"kty":"oct","k":"AAAA"}]}')],
    ['others can write', () => chmod(at('keys.json'), 0o666)],
  ])('does not begin with a file of keys that %s', async (_, spoil) => {
    await spoil();
    await expect(here()).rejects.toMatchObject(refused(/jwks_file/));
  });

  /** Folders that the holder of a token gets, by where each lies when it is asked for. */
  async function rootsOf(...names: readonly string[]): Promise<readonly string[]> {
    const tokens = await here('', `roots = ${JSON.stringify(names.map(at))}`);
    let given: readonly string[] = [];
    await tokens.admit(await theirs.sign('one'), ({ id, ceiling }) => {
      given = ceiling.roots;
      return Promise.resolve(id);
    });
    // As somebody's who holds a key.
    const roots = await rootsNow({ allowedRoots: given, fixedRoots: given, homeDir: folder });
    return roots.map(({ real }) => real);
  }

  it('gives folders as they really lie, and none that the policy does not', async () => {
    expect(await rootsOf('app')).toEqual([at('app')]);
    expect(warnings).toEqual([]);
    await expect(here('', 'roots = ["/usr"]')).rejects.toMatchObject(refused(/allowed_roots/));
    await expect(here('', 'roots = ["/usr/no-such"]')).rejects.toMatchObject(refused(/no folder/));
  });

  it('begins without a root that somebody has put a link in the place of or moved away, and says so', async () => {
    await mkdir(at('private'));
    await symlink(at('private'), at('link'));
    expect(await rootsOf('app', 'link', 'nothing')).toEqual([at('app')]);
    expect(warnings.toSorted()).toEqual([
      expect.stringMatching(/grants: all: .*link leads to .*private by a link.* allows nothing/),
      expect.stringMatching(/grants: all: there is no folder .*nothing.* allows nothing/),
    ]);
  });

  it('does not begin with tools or profiles that are not there, or under a name that it does not go by', async () => {
    await expect(here('scopes = { a = ["reed"] }')).rejects.toMatchObject(refused(/no reed/));
    await expect(here('', 'profile = "nothing"')).rejects.toMatchObject(refused(/no profile nothing/));
    await expect(here('', '', ['localhost'])).rejects.toMatchObject(refused(/--host-name mcp\.example\.org/));
  });
});
