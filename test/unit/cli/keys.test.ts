import { mkdir, mkdtemp, readFile, realpath, rm, symlink } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keys } from '../../../src/cli/commands/keys.js';

let folder: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'pdk-keys-')));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

type Values = Readonly<Record<string, string | boolean | string[]>>;

async function run(positionals: readonly string[], values: Values = {}): Promise<Record<string, unknown>> {
  return JSON.parse(await said(positionals, values, true)) as Record<string, unknown>;
}

async function said(positionals: readonly string[], values: Values, json = false): Promise<string> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const env = { XDG_STATE_HOME: folder, XDG_RUNTIME_DIR: folder, XDG_CONFIG_HOME: folder };
  const terminal = { stdin: new PassThrough(), stdout, stderr, stderrIsTerminal: false, screen: undefined };
  const { signal } = new AbortController();
  expect(await keys.run({ values, positionals, rest: [], json, env, terminal, signal })).toBe(0);
  return String(stdout.read());
}

describe('paddock keys', () => {
  it('shows the secret when it is made and when it is rotated, and never else', async () => {
    const made = await run(['create', 'ci'], { tools: 'read,execute_command', memory: '1g', expires: '30d' });
    const rotated = await run(['rotate', 'ci'], { grace: '0' });
    expect(made['secret']).toMatch(/^pdkey_[a-z2-7]{52}$/);
    expect(rotated).toMatchObject({ goodSecrets: 1, state: 'good', id: made['id'] });
    expect(rotated['secret']).not.toBe(made['secret']);
    expect(await run(['revoke', 'ci'])).toMatchObject({ revoked: true });
    const list = JSON.stringify(await run(['list']));
    expect(list).toContain('"revoked"');
    expect(list).toContain('"memoryBytes":1073741824');
    expect(list).not.toContain('pdkey_');
  });

  it('is in the audit log, without any secret', async () => {
    const { secret, id } = await run(['create', 'ci']);
    await run(['rotate', 'ci']);
    await run(['revoke', 'ci']);
    const log = await readFile(join(folder, 'paddock', 'audit.jsonl'), 'utf8');
    for (const action of ['key.create', 'key.rotate', 'key.revoke']) expect(log).toContain(`"${action}"`);
    expect(log).toContain(String(id));
    expect(log).not.toContain(String(secret).slice(6));
  });

  it('gives nothing that was not asked for', async () => {
    const { tools, ceiling } = await run(['create', 'ci']);
    expect(tools).toEqual(['read', 'sessions', 'exec']);
    expect(ceiling).toEqual({ roots: [], readWriteAllowed: false, allow: [], providers: [], ceilings: {} });
  });

  it.each<[string, Values]>([
    ['a tool that is not there', { tools: 'read,everything' }],
    ['a folder that is not there', { root: ['/no/such/folder'] }],
    ['a folder beyond the site’s', { root: ['/'] }],
    ['a profile that is not there', { profile: 'lax' }],
    ['a host that is none', { allow: ['http://'] }],
    ['everything as a host', { allow: ['*'] }],
    ['a provider that is not there', { provider: ['acme'] }],
    ['a size that is none', { memory: 'much' }],
    ['no room at all', { kept: '0' }],
    ['a count of zero', { sessions: '0' }],
    ['an option of another word', { grace: '1h' }],
  ])('refuses %s', async (_what, values) => {
    await expect(run(['create', 'ci'], values)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    expect(await run(['list'])).toMatchObject({ keys: [] });
  });

  it.each([[['make', 'ci']], [['list', 'ci']], [['create']], [['create', 'CI']], [['revoke', 'ci']]])(
    'refuses %j',
    async (words) => {
      await expect(run(words)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    },
  );

  it('says which folders a key shares with others that are good', async () => {
    const root = await mkdtemp(join(await realpath(homedir()), '.pdk-keys-'));
    try {
      const [outer, inner, apart] = [join(root, 'a'), join(root, 'a', 'b'), join(root, 'ab')];
      for (const path of [inner, apart]) await mkdir(path, { recursive: true });
      expect(await run(['create', 'gone'], { root: [outer] })).toMatchObject({ sharedRoots: [] });
      await run(['revoke', 'gone']);
      expect(await run(['create', 'ada'], { root: [outer] })).toMatchObject({ sharedRoots: [] });
      expect(await run(['create', 'bob'], { root: [inner, apart] })).toMatchObject({
        sharedRoots: [{ root: inner, key: 'ada', itsRoot: outer }],
      });
      const words = await said(['create', 'cy'], { root: [apart] });
      expect(words).toContain(`${apart} is a folder of the key bob as well`);
    } finally {
      await rm(root, { recursive: true });
    }
  });

  it('says when all good keys together may have more sessions than a server has', async () => {
    expect(await run(['create', 'gone'], { sessions: '8' })).not.toHaveProperty('overbooked');
    await run(['revoke', 'gone']);
    for (const name of ['ada', 'bob']) expect(await run(['create', name])).not.toHaveProperty('overbooked');
    const words = await said(['create', 'cy'], { sessions: '1' });
    expect(words).toMatch(/All keys together may have 9 sessions, and a server has 8 \(max_sessions\)/);
    expect(await run(['create', 'dan'])).toMatchObject({ overbooked: { sessions: 13, maxSessions: 8 } });
  });

  it('notes folders as they really lie', async () => {
    const root = await mkdtemp(join(await realpath(homedir()), '.pdk-keys-'));
    try {
      await mkdir(join(root, 'work'));
      const { ceiling } = await run(['create', 'ci'], { root: [join(root, 'work', '..', 'work')] });
      expect(ceiling).toMatchObject({ roots: [join(root, 'work')] });
      // What whoever can write to its folder could have led elsewhere.
      await symlink('work', join(root, 'link'));
      await expect(run(['create', 'more'], { root: [join(root, 'link')] })).rejects.toMatchObject({
        code: 'BAD_ARGUMENT',
        message: expect.stringContaining(`to ${join(root, 'work')} by a link`),
      });
    } finally {
      await rm(root, { recursive: true });
    }
  });
});
