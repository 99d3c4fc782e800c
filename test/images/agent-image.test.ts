import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentIds } from '../../src/agents/types.js';
import { agentPackage } from '../../src/image/agent-packages.js';
import { installAgent } from '../e2e/support/agents/install.js';
import { document, paddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { engineKinds, engineSockets, openTestEngine, uniqueName } from '../engine/support/engines.js';
import { importImage, loadImage, makeImage } from '../engine/support/image-archive.js';
import { ModelEndpoint } from '../support/models/endpoint.js';

const key = 'sk-ant-REAL-0a1b2c3d4e5f6g7h';
/** A tar of scripts/agent-base, for all agents (`scripts/test --agent-image`, as root); without one the base is of this host's own files, for Claude Code. */
const madeBase = process.env['PADDOCK_TEST_AGENT_BASE'];
const agents = madeBase === undefined ? (['claude'] as const) : agentIds;

const programs = ['bash', 'chmod', 'chown', 'find', 'grep', 'id', 'ln', 'mkdir', 'mktemp', 'rm'];
const stubs = Object.fromEntries(['git', 'rg', 'python3', 'make', 'cc'].map((name) => [`bin/${name}`, '#!/bin/sh\n']));

async function loadBase(socketPath: string, reference: string): Promise<void> {
  if (madeBase !== undefined) return importImage(socketPath, reference, madeBase);
  const program = (await installAgent('claude')).at(-1) ?? '';
  const needed = execFileSync('ldd', [program], { encoding: 'utf8' }).matchAll(/=> (\/[^\s()]+) \(0x/g);
  const libraries = [...needed].map(([, path = '']) => path);
  const image = await makeImage({ Env: ['PATH=/usr/local/bin:/bin'] }, stubs, 0, [...programs, ...libraries]);
  return loadImage(socketPath, reference, image);
}

/** Of npm's surroundings what this user has not in files. */
function surroundings(place: Place): Readonly<Record<string, string | undefined>> {
  const folder = join(place.root, 'config/paddock');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, 'config.toml'), '[policy]\nimages = ["localhost/*"]\n', { mode: 0o600 });
  const { NODE_EXTRA_CA_CERTS, npm_config_registry } = process.env;
  return { NODE_EXTRA_CA_CERTS, npm_config_registry, XDG_CONFIG_HOME: join(place.root, 'config') };
}

describe.each(engineKinds.filter((kind) => kind === 'podman'))('the agent image with real agents on %s', (kind) => {
  const [base, image] = ['base', 'agents'].map((tag) => `localhost/${uniqueName('paddock-test')}:${tag}`) as [
    string,
    string,
  ];
  let place: Place;
  let env: ReturnType<typeof surroundings>;
  beforeAll(async () => {
    place = await Place.make(kind);
    env = surroundings(place);
    await loadBase(engineSockets[kind], base);
  });
  afterAll(async () => {
    await using engine = await openTestEngine(kind);
    for (const name of [image, base]) await engine.removeImage(name);
    await engine.pruneImages('dev.paddock.image');
    await place[Symbol.asyncDispose]();
  });

  it('is built without a network, of the pinned packages, and each of them says that it is what was pinned', async () => {
    const chosen = agents.flatMap((agent) => ['--agent', agent]);
    const words = ['image', 'build', '--base', base, '--tag', image, '--json', ...chosen];
    const built = await paddock(place, words, { env });
    expect([built.status, built.stderr]).toEqual([0, expect.any(String)]);
    for (const agent of agents) {
      const { version = '' } = agentPackage(agent, process.arch) ?? {};
      const run = await paddock(place, ['run', '--image', image, '--workspace', 'none', '--', agent, '--version'], {
        env,
      });
      expect(run.stdout.toString()).toContain(version.split('-', 1)[0]);
    }
  });

  it('lets the real Claude Code work without a network and a key', async () => {
    await using model = await ModelEndpoint.open();
    model.script([{ write: 'new.txt', text: 'new\n' }, { run: 'cat new.txt; id -u' }, { say: 'all done' }]);
    const asked = ['agent', '--json', '--image', image, '--project', place.project, '--', 'add a file'];
    const keys = { ANTHROPIC_API_KEY: key, ANTHROPIC_BASE_URL: model.url };
    const done = await paddock(place, asked, { env: { ...env, ...keys } });
    expect([done.stderr, done.status]).toEqual([expect.any(String), 0]);
    expect(document(done)).toMatchObject({ ok: true, finalText: 'all done', changedFiles: { paths: ['new.txt'] } });
    const requests = model.modelRequests();
    expect(requests.map(({ headers }) => headers['x-api-key'])).toEqual(requests.map(() => key));
    expect(requests.at(-1)?.body).toContain('new\\n');
    expect(done.stdout.toString()).not.toContain(key);
  });
});
