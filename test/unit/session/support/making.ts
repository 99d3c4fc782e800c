import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { builtInPolicy } from '../../../../src/config/built-in-policy.js';
import { EngineError } from '../../../../src/core/errors.js';
import type { Engine } from '../../../../src/engine/types.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { CgroupKeeper } from '../../../../src/sandbox/cgroups/cgroup-keeper.js';
import { ImageStore } from '../../../../src/sandbox/images.js';
import { stageInit } from '../../../../src/sandbox/init-binary.js';
import { PipeMaker } from '../../../../src/sandbox/pipe-maker.js';
import { stageSeccomp } from '../../../../src/sandbox/seccomp-files.js';
import type { SessionsOptions } from '../../../../src/session/sessions-options.js';
import { InMemoryEngine } from './in-memory-engine.js';

/** An engine in memory that also makes containers; none of them runs, so no session ever comes to be. */
export class MakingEngine extends InMemoryEngine {
  readonly made: string[] = [];
  onMake: () => void = () => undefined;

  createContainer(name: string, body: { labels: Record<string, string> }) {
    this.onMake();
    this.made.push(name);
    return Promise.resolve({ id: this.add({ name, labels: body.labels, state: 'created' }).id, warnings: [] });
  }

  inspectImage() {
    const bare = { sizeBytes: 0, user: '', env: [], volumes: [], workdir: '', labels: {}, annotations: {} };
    return Promise.resolve({ ...bare, id: 'host', layers: ['sha256:x'] });
  }

  held: Promise<unknown> | undefined;

  async startContainer() {
    await this.held;
    return Promise.reject(new EngineError('ENGINE_FAILED', 'crun: it did not work'));
  }

  override removeContainer(ref: string): Promise<boolean> {
    const held = this.containers.find((one) => one.name === ref);
    return super.removeContainer(held?.id ?? ref);
  }
}

/** What sessions of that engine are made with, in a folder of the test: no more than two at once. */
export async function optionsFor(
  folder: string,
  { engine, audit, store }: Pick<SessionsOptions, 'audit' | 'store'> & { readonly engine: MakingEngine },
): Promise<SessionsOptions> {
  await writeFile(join(folder, 'init'), 'the bytes do not matter here');
  const client = engine as unknown as Engine;
  const image = { reference: 'localhost/paddock-host:x', layer: 'sha256:x', tar: Buffer.alloc(0) };
  const images = new ImageStore({
    engine: client,
    hostImage: () => Promise.resolve({ image, binds: [] } as never),
    extraBinds: () => Promise.resolve([]),
  });
  const approval = { allowedRoots: [folder], homeDir: folder, uid: process.getuid?.() ?? 0, privateFolders: [] };
  const init = await stageInit(join(folder, 'init'), folder);
  const owner = { pid: process.pid, startTimeTicks: 1, bootId: 'b' };
  const sitePolicy = { ...builtInPolicy(folder), maxSessions: 2 };
  const host = { homeDir: folder, hostMemoryBytes: 8 * 1024 ** 3, cpuCount: 4 };
  return {
    ...{ store, audit, owner, kind: 'attached', version: '0', policy: { sitePolicy, host } },
    maker: {
      engine: client,
      images,
      clock: systemClock,
      init,
      seccomp: await stageSeccomp(folder),
      commandPath: 'exec',
      lifetimeCeilingMs: 86_400_000,
      approval,
      callerUid: approval.uid,
      mappableIds: 65_537,
      cgroups: new CgroupKeeper('/nowhere/paddock-init'),
      pipes: new PipeMaker('/nowhere/paddock-init'),
    },
  };
}
