import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SandboxSpec } from '../../src/core/spec.js';
import type { Engine } from '../../src/engine/types.js';
import { createSandbox } from '../../src/sandbox/create.js';
import type { SandboxMaker } from '../../src/sandbox/maker.js';
import { type StagedSeccomp, seccompOf } from '../../src/sandbox/seccomp-files.js';
import { engineKinds, uniqueName } from './support/engines.js';
import { Stage } from './support/stage.js';

type Body = Readonly<Record<string, unknown>>;

/** The engine, to which every create request goes with changes: one that does something else than it was asked. */
function misled(engine: Engine, change: (body: Body) => Body): Engine {
  return new Proxy(engine, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      if (key !== 'createContainer') return value.bind(target) as unknown;
      return (name: string, body: Body) => target.createContainer(name, change(body));
    },
  });
}

/** Without the profile: the engine's own default is what the container gets. */
function forgetful(asked: Body): Body {
  const { HostConfig: host, ...body } = asked;
  if (host === undefined) return { ...body, seccomp_profile_path: '' };
  return { ...body, HostConfig: { ...host, SecurityOpt: ['no-new-privileges'] } };
}

describe.each(engineKinds)('the proof of the filter on a real rootless %s', (kind) => {
  let stage: Stage;
  let spec: SandboxSpec;

  beforeAll(async () => {
    stage = await Stage.open(kind);
    const session = await stage.create();
    spec = session.sandbox.handle.spec;
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  async function made(changes: Partial<SandboxMaker>) {
    const containerName = uniqueName('paddock-test');
    const channelFolder = join(stage.folder, 'run', containerName);
    const identity = { containerName, labels: {}, channelFolder, detached: false };
    return { containerName, sandbox: await createSandbox({ ...stage.maker, ...changes }, spec, [], identity) };
  }

  async function withProfile(change: (staged: StagedSeccomp) => Partial<StagedSeccomp>) {
    const staged = seccompOf(stage.maker.seccomp, {});
    const other = { ...staged, path: join(stage.folder, 'other.json'), ...change(staged) };
    await writeFile(other.path, other.json);
    return made({ seccomp: new Map([['default', other]]) });
  }

  it.each(['fifo', 'exec'] as const)(
    'fails where the engine forgot the profile, and nothing stays: commands over %s',
    async (commandPath) => {
      const attempt = made({ engine: misled(stage.engine, forgetful), commandPath });
      await expect(attempt).rejects.toMatchObject({ code: 'SANDBOX_UNVERIFIED', info: { controls: ['seccomp'] } });
      const names = (await stage.engine.listContainers([])).flatMap(({ names }) => names);
      expect(names.filter((name) => name.includes('paddock-test'))).toEqual([]);
    },
  );

  it('fails where another of ours is in force than was asked for', async () => {
    const attempt = withProfile(() => ({
      fingerprint: seccompOf(stage.maker.seccomp, { seccomp: 'debug' }).fingerprint,
    }));
    await expect(attempt).rejects.toMatchObject({ code: 'SANDBOX_UNVERIFIED', info: { controls: ['seccomp'] } });
  });

  it('succeeds where the library does not know some of the names', async () => {
    const { sandbox } = await withProfile(({ json }) => ({
      json: json.replaceAll('"names":[', '"names":["paddock_no_such_call",'),
    }));
    const row = sandbox.handle.evidence.controls.find(({ id }) => id === 'seccomp');
    expect(row).toMatchObject({ status: 'enforced' });
    await sandbox[Symbol.asyncDispose]();
  });
});
