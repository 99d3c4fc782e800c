import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { presetNames, presetOf } from '../../../src/core/egress-presets.js';
import { rulesFor } from '../../../src/egress/presets/addresses-of.js';
import { toolAsker } from '../../../src/egress/presets/ask-tool.js';
import type { PresetContext } from '../../../src/egress/presets/preset.js';
import { presetRules } from '../../../src/egress/presets/presets.js';

/** A machine on which tools answer so; what is not listed is not there. */
function machine(answers: Readonly<Record<string, string>>, env: PresetContext['env'] = {}): PresetContext {
  return {
    ask: (argv) => Promise.resolve(answers[argv.join(' ')]),
    env,
    readText: (path) => readFile(path, 'utf8').catch(() => undefined),
  };
}

describe('the hosts of a preset', () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'paddock-presets-'));
  });
  afterEach(() => rm(home, { recursive: true }));

  it('npm: its registry and those of its scopes', async () => {
    const list = { registry: 'https://npm.example.com/', '@own:registry': 'http://10.1.2.3:4873/', noproxy: [''] };
    const rules = await presetRules('npm', machine({ 'npm config list --json': JSON.stringify(list) }));
    expect(rules).toEqual(['http://10.1.2.3:4873', 'https://npm.example.com:443']);
  });

  it('pip: the index that is set and what comes besides it, else the one that is built in', async () => {
    const settings = "global.extra-index-url='https://more.example.com/simple file:///wheels'\nglobal.timeout='60'\n";
    const context = (set: string): PresetContext => ({
      ...machine({}),
      ask: (argv) =>
        Promise.resolve(argv.includes('config') ? set : 'https://index.example/simple\nhttps://files.example\n'),
    });
    expect(await presetRules('pip', context(settings))).toEqual([
      'https://files.example:443',
      'https://index.example:443',
      'https://more.example.com:443',
    ]);
    const own = "global.index-url='https://pip.example.com/simple'\n";
    expect(await presetRules('pip', context(own))).toEqual(['https://pip.example.com:443']);
  });

  it('go: every proxy in the list, and the checksum database by its name or its address', async () => {
    const asked = 'go env -json GOPROXY GOSUMDB';
    const answer = (GOSUMDB: string) =>
      machine({ [asked]: JSON.stringify({ GOPROXY: 'https://proxy.example,https://second.example|direct', GOSUMDB }) });
    expect(await presetRules('go', answer('sum.example'))).toContain('https://sum.example:443');
    expect(await presetRules('go', answer('sum.example+key https://mirror.example/sum'))).toEqual([
      'https://mirror.example:443',
      'https://proxy.example:443',
      'https://second.example:443',
    ]);
    expect(await presetRules('go', answer('off'))).toHaveLength(2);
  });

  it('apt: its sources, once each', async () => {
    const uris = 'http://deb.example/debian/a\nhttp://deb.example/debian/b\nfile:/srv/x\n';
    const context = machine({ 'apt-get indextargets --format $(URI)': uris });
    expect(await presetRules('apt', context)).toEqual(['http://deb.example:80']);
  });

  it('cargo: what its settings name, and the registries it has used', async () => {
    const index = join(home, '.cargo/registry/index/index.example-0123456789abcdef');
    await mkdir(index, { recursive: true });
    await writeFile(join(index, 'config.json'), '{"dl":"https://static.example/crates/{crate}","api":null}');
    await writeFile(
      join(home, '.cargo/config.toml'),
      '[registries.own]\nindex = "sparse+https://crates.example:8443/index/"\n',
    );
    expect(await presetRules('cargo', machine({}, { HOME: home }))).toEqual([
      'https://crates.example:8443',
      'https://index.example:443',
      'https://static.example:443',
    ]);
  });

  it.each(presetNames)('%s: an error that says so where they can’t be found out', async (name) => {
    await expect(presetRules(name, machine({}, { HOME: home }))).rejects.toMatchObject({ code: 'PRESET_UNKNOWN_HERE' });
  });

  it.each(['npm config list --json', 'go env -json GOPROXY GOSUMDB'])(
    'nothing is made of nonsense: %s',
    async (asked) => {
      const name = asked.startsWith('npm') ? 'npm' : 'go';
      await expect(presetRules(name, machine({ [asked]: '<html>' }))).rejects.toMatchObject({
        code: 'PRESET_UNKNOWN_HERE',
      });
    },
  );

  it('are what the real npm and git of this machine say in the user’s settings, whatever a project says', async () => {
    await writeFile(join(home, '.npmrc'), 'registry=https://own.example:8443/npm/\n');
    await writeFile(join(home, '.gitconfig'), '[credential "https://git.example"]\n\tusername = x\n');
    const env = { PATH: process.env['PATH'], HOME: home, npm_config_registry: undefined };
    const context: PresetContext = { ...machine({}), ask: toolAsker(env), env };
    const project = join(home, 'project');
    await mkdir(project);
    await writeFile(join(project, '.npmrc'), 'registry=https://evil.example/\n');
    const before = process.cwd();
    process.chdir(project);
    try {
      expect(await presetRules('npm', context)).toEqual(['https://own.example:8443']);
      expect(await presetRules('git', context)).toContain('https://git.example:443');
    } finally {
      process.chdir(before);
    }
  });

  it('are asked of no program that a project put first in the PATH', async () => {
    const bin = join(home, 'project/node_modules/.bin');
    await mkdir(bin, { recursive: true });
    await writeFile(join(bin, 'env'), '#!/bin/sh\necho of the project\n', { mode: 0o755 });
    const ask = toolAsker({ PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: home });
    expect(await ask(['env'])).toContain(`HOME=${home}`);
  });

  it('are asked by no program of what a sandbox is shown, wherever the server was started', async () => {
    const project = join(home, 'project');
    await mkdir(join(project, '.venv/bin'), { recursive: true });
    await writeFile(join(project, '.venv/bin/paddock-test-tool'), '#!/bin/sh\necho mine\n', { mode: 0o755 });
    const ask = toolAsker({ PATH: `${project}/.venv/bin:${process.env['PATH'] ?? ''}`, HOME: home });
    expect(await ask(['paddock-test-tool'])).toBe('mine\n');
    expect(await ask(['paddock-test-tool'], undefined, [project])).toBeUndefined();
  });

  it('are asked for without the keys that the server has in its environment', async () => {
    const ask = toolAsker({ PATH: process.env['PATH'], HOME: home, ANTHROPIC_API_KEY: 'canary' });
    expect(await ask(['env'])).toContain(`HOME=${home}`);
    expect(await ask(['env'])).not.toContain('canary');
  });
});

describe('a line of a list', () => {
  it('is a preset by its name, with or without the word before it', () => {
    expect(['npm', 'preset:npm', 'preset:x', 'npm.example', 'NPM'].map(presetOf)).toEqual([
      'npm',
      'npm',
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('comes from addresses over http and https only', () => {
    expect(
      rulesFor(['ssh://git@a.example/x', '/srv', 'git+https://b.example/x', undefined, 'https://[::1]:8/']),
    ).toEqual(['https://[::1]:8', 'https://b.example:443']);
  });
});
