import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Transport } from '../../src/engine/transport/transport.js';
import { type AgentPackage, packageFileName } from '../../src/image/agent-packages.js';
import { buildContext } from '../../src/image/build-context.js';
import { builtLabel, ImageBuilder, type ImageBuildRequest } from '../../src/image/build-image.js';
import { packageOf } from '../support/agent-package.js';
import { engineKinds, engineSockets, uniqueName } from './support/engines.js';
import { loadImage, makeImage } from './support/image-archive.js';
import { run, Stage, said } from './support/stage.js';

const programs = ['chmod', 'chown', 'find', 'grep', 'id', 'ln', 'mkdir', 'mktemp', 'rm'];
const tool = '#!/bin/sh\n';
const tools = Object.fromEntries(
  ['git', 'rg', 'python3', 'make', 'cc', 'sudo', 'su'].map((name) => [`bin/${name}`, tool]),
);
const agent = '#!/bin/sh\nif [ "$1" = --version ]; then echo 9.8.7 of an agent; else echo "as $(id -u)"; fi\n';

describe.each(engineKinds)('the agent image, built by a real rootless %s', (kind) => {
  let stage: Stage;
  let folder: string;
  let fake: { readonly package: AgentPackage; readonly bytes: Buffer };
  const [base, bare] = ['base', 'bare'].map((tag) => `localhost/${uniqueName('paddock-test')}:${tag}`) as [
    string,
    string,
  ];
  const reference = `localhost/${uniqueName('paddock-test')}:agents`;
  let printed = '';

  beforeAll(async () => {
    stage = await Stage.open(kind, { policy: { images: ['localhost/*'], pullAllowed: true } });
    folder = await mkdtemp(join(tmpdir(), 'paddock-test-'));
    fake = await packageOf('claude', { 'package/bin/claude': agent, 'package/package.json': '{}' }, 'bin/claude');
    await writeFile(join(folder, packageFileName(fake.package)), fake.bytes);
    const config = { Env: ['PATH=/usr/local/bin:/bin', 'FROM_BASE=1'] };
    const others = Object.fromEntries(Object.entries(tools).filter(([name]) => name !== 'bin/rg'));
    await loadImage(engineSockets[kind], bare, await makeImage(config, others, 0, programs));
    await loadImage(engineSockets[kind], `${base}-plain`, await makeImage(config, tools, 0, programs));
    const context = buildContext(
      `FROM ${base}-plain\nLABEL ${builtLabel}=test\nRUN chmod 4755 /bin/su /bin/sudo\n`,
      [],
    );
    const [timeoutMs, onOutput] = [60_000, () => undefined];
    const common = {
      containerfile: 'Containerfile',
      target: '',
      args: {},
      network: 'none',
      timeoutMs,
      onOutput,
    } as const;
    await stage.engine.buildImage({ ...common, reference: base, context });
  });
  afterAll(async () => {
    await stage.sessions[Symbol.asyncDispose]();
    for (const name of [reference, base, `${base}-plain`, bare]) await stage.engine.removeImage(name);
    await stage.engine.pruneImages(builtLabel);
    const left = await stage.engine.listImages(builtLabel);
    await stage[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
    expect(left).toEqual([]);
  });

  async function build(changes: Partial<ImageBuildRequest> = {}, env: Readonly<Record<string, string>> = {}) {
    printed = '';
    const builder = new ImageBuilder({
      ...{ engine: stage.engine, env, processor: process.arch, tempFolder: folder },
      sitePolicy: stage.policy,
      containerfile: readFileSync('Containerfile', 'utf8'),
      packageRoot: '.',
      fetchPackage: () => Promise.reject(new Error('nothing is fetched here')),
      packageOf: () => fake.package,
    });
    const asked = {
      base,
      target: 'sandbox',
      reference,
      agents: ['claude'],
      network: 'none',
      packageFolder: folder,
    } as const;
    const onOutput = (text: string) => {
      printed += text;
    };
    return await builder.build({ ...asked, ...changes }, { onStep: onOutput, onOutput }, new AbortController().signal);
  }

  it('holds the agent, which runs in a session as the sandbox’s user and can not replace itself', async () => {
    const built = await build({ network: 'engine' }, { https_proxy: 'http://proxy-canary.invalid:3128' });
    expect(built).toMatchObject({ reference, agents: [{ agent: 'claude', version: '1.2.3' }] });
    expect(printed).toContain('claude: 9.8.7 of an agent');
    const session = await stage.create({ image: reference });
    expect(await said(session, 'claude')).toMatch(/^as (0|1000)$/);
    expect((await run(session, 'echo x >/opt/paddock/agents/claude/bin/claude')).exitCode).not.toBe(0);
    expect((await run(session, 'cat /bin/sudo')).exitCode).not.toBe(0);
    expect(await said(session, 'find / -xdev -type f -perm -4000 2>/dev/null; echo end')).toBe('end');
    expect(await said(session, 'echo $DISABLE_AUTOUPDATER $FROM_BASE $PATH')).toBe('1 1 /usr/local/bin:/bin');
    await stage.sessions.destroy(session.id);
  });

  it('has a user without rights, and nothing of the proxies that its steps were given', async () => {
    const [history, inspected] = await Promise.all(['history', 'json'].map((what) => get(`${reference}/${what}`)));
    const { Config } = JSON.parse(inspected?.toString() ?? '') as { Config: object };
    expect(Config).toMatchObject({ User: '1000:1000', WorkingDir: '/workspace' });
    expect(history?.toString()).toContain('/opt/paddock/agents');
    for (const text of [history, inspected]) expect(text?.toString()).not.toContain('proxy-canary');
  });

  it('is built again, here without a network, and nothing of the older one stays', async () => {
    const older = (await stage.engine.inspectImage(reference))?.id;
    await build({ agents: [] });
    const ids = (await stage.engine.listImages(builtLabel)).map(({ id }) => id);
    expect(ids).toContain((await stage.engine.inspectImage(reference))?.id);
    expect(ids).not.toContain(older);
  });

  it('can not be built without a network where the base lacks something, and says what', async () => {
    const error: unknown = await build({ base: bare }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'IMAGE_BUILD_FAILED' });
    expect((error as Error).message).toContain('the base lacks: rg\n');
    expect((error as Error).message).toContain('\nneither apt-get nor dnf nor apk');
  });

  async function get(image: string): Promise<Buffer> {
    await using transport = new Transport({ socketPath: engineSockets[kind] });
    return (await transport.call({ method: 'GET', path: `/v1.41/images/${image}` })).body;
  }
});
