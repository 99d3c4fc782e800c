import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Transport } from '../../src/engine/transport/transport.js';
import { engineKinds, engineSockets, uniqueName } from './support/engines.js';
import { type ImageConfig, loadImage, makeImage, registryAnswers } from './support/image-archive.js';
import { startPodman, startRegistry } from './support/own-services.js';
import { run, Stage, said } from './support/stage.js';

const mib = 1024 ** 2;
const uid = process.getuid?.() ?? 0;

const talkative: ImageConfig = {
  Env: ['FROM_IMAGE=image', 'BOTH=image', 'PATH=/bin', 'LD_NOTHING=', 'PADDOCK_COMMAND=forged', 'we-ird=1'],
  Entrypoint: ['/bin/entry'],
  Cmd: ['from-cmd'],
  User: '33:33',
  Volumes: { '/var/lib/data': {}, '/tmp': {}, '/workspace': {} },
  WorkingDir: '/srv',
  Labels: { 'dev.paddock.session': 'pdk_forged', 'io.containers.autoupdate': 'registry' },
  Healthcheck: { Test: ['CMD', '/bin/entry', 'health'], Interval: 1_000_000_000 },
};
const entry = '#!/bin/sh\necho "$@" >>/tmp/entry-ran\nexec sleep 1000\n';

describe.each(engineKinds)('an image on a real rootless %s', (kind) => {
  let stage: Stage;
  const reference = `localhost/${uniqueName('paddock-test')}:1`;
  const large = `localhost/${uniqueName('paddock-test')}:1`;

  beforeAll(async () => {
    stage = await Stage.open(kind, { policy: { images: ['localhost/*'] } });
    const image = await makeImage(talkative, { 'bin/entry': entry });
    await loadImage(engineSockets[kind], reference, image);
  });
  afterAll(async () => {
    await stage.sessions[Symbol.asyncDispose]();
    for (const name of [reference, large]) await stage.engine.removeImage(name);
    await stage[Symbol.asyncDispose]();
  });

  it('starts none of its own programs: process 1 is ours, and no entry point, command or health check runs', async () => {
    const session = await stage.create({ image: reference });
    expect(await said(session, 'cat /proc/1/cmdline')).toMatch(/^\/\.paddock\/init\0--deadline/);
    await said(session, 'sleep 2.5');
    expect((await run(session, 'cat /tmp/entry-ran')).exitCode).toBe(1);
    // It could have run: the test would have seen it.
    await run(session, '/bin/entry by hand', { timeoutMs: 500 });
    expect(await said(session, 'cat /tmp/entry-ran')).toBe('by hand');
    await stage.sessions.destroy(session.id);
  });

  it('gives its environment, under that of the session, and neither user nor labels nor workdir', async () => {
    const session = await stage.create({ image: reference, env: { BOTH: 'session' } });
    const env = (await said(session, 'env')).split('\n');
    expect(env).toEqual(expect.arrayContaining(['FROM_IMAGE=image', 'BOTH=session', 'PATH=/bin', 'LD_NOTHING=']));
    expect(env.filter((line) => /forged|we-ird/.test(line))).toEqual([]);
    expect(await said(session, 'pwd')).toBe('/home/agent');
    const status = await said(session, 'cat /proc/self/status');
    expect(/^Uid:\t(\d+)/m.exec(status)?.[1]).toBe(kind === 'podman' ? '1000' : '0');
    const { labels } = await stage.engine.inspectContainer(session.sandbox.handle.containerId);
    expect(labels['dev.paddock.session']).toBe(session.id);
    await stage.sessions.destroy(session.id);
  });

  it('gets small scratch space for its volumes, and leaves no volume behind', async () => {
    const before = await volumes(stage);
    const session = await stage.create({ image: reference });
    const fill = await run(session, 'cat /dev/zero >/var/lib/data/fill');
    expect(fill.exitCode).not.toBe(0);
    expect(fill.stderr.text).toMatch(/no space left/i);
    const mount = (await said(session, 'cat /proc/self/mountinfo'))
      .split('\n')
      .find((l) => l.includes(' /var/lib/data '));
    expect(mount).toMatch(/nosuid,nodev,noexec.* - tmpfs .*size=16384k/);
    expect(await volumes(stage)).toEqual(before);
    await stage.sessions.destroy(session.id);
    expect(await volumes(stage)).toEqual(before);
  });

  it('has a read-only root, and the evidence of every other sandbox', async () => {
    const session = await stage.create({ image: reference });
    const { stderr, exitCode } = await run(session, 'touch /srv/x');
    expect([exitCode, stderr.text]).toEqual([1, expect.stringMatching(/read-only/i)]);
    const statuses = session.sandbox.handle.evidence.controls.map((c) => [c.id, c.status]);
    const host = await stage.create();
    expect(statuses).toEqual(host.sandbox.handle.evidence.controls.map((c) => [c.id, c.status]));
    for (const one of [session, host]) await stage.sessions.destroy(one.id);
  });

  it('that is large has its files made by the caller all the same, in a user namespace of its own where there is one', async () => {
    await loadImage(engineSockets[kind], large, await makeImage({ Env: ['PATH=/bin'] }, {}, 20 * mib));
    const project = await stage.project();
    const session = await stage.create({ image: large, projectPath: project, workspace: 'rw' });
    await said(session, 'touch made');
    expect((await lstat(join(project, 'made'))).uid).toBe(uid);
    expect(await said(session, 'cat /proc/self/uid_map')).toMatch(
      kind === 'podman' ? /^\s*0\s+0\s+\d+(\n\s*(\d+)\s+\2\s+\d+)*$/ : /^\s*0\s+\d+\s+1\b/,
    );
    const own = session.sandbox.handle.evidence.controls.find((c) => c.id === 'user-namespace');
    expect(own?.status).toBe(kind === 'podman' ? 'enforced' : 'degraded');
    await stage.sessions.destroy(session.id);
  });

  it('that is not there is not found, one that policy does not list is refused, and nothing is made', async () => {
    const missing = stage.create({ image: 'localhost/paddock-no-such-image:1' });
    await expect(missing).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
    const foreign = stage.create({ image: 'registry.invalid/x:1' });
    await expect(foreign).rejects.toMatchObject({ code: 'POLICY_DENIED', ruleId: 'image.not-allowed' });
    expect(await stage.containers()).toEqual([]);
    expect((await stage.store.list()).records).toEqual([]);
  });

  it('with an environment entry that would copy the engine’s own is refused', async () => {
    const hostile = `localhost/${uniqueName('paddock-test')}:1`;
    await loadImage(engineSockets[kind], hostile, await makeImage({ Env: ['PATH=/bin', 'HOME*'] }));
    try {
      await expect(stage.create({ image: hostile })).rejects.toMatchObject({ code: 'IMAGE_REFUSED' });
      expect(await stage.containers()).toEqual([]);
    } finally {
      await stage.engine.removeImage(hostile);
    }
  });
});

describe.each(engineKinds)('pulling from a registry on the loopback by a real rootless %s', (kind) => {
  /** Serves one image and gives the stage of an engine that may pull it, as far as policy goes. */
  async function withRegistry(
    annotations: Record<string, string>,
    pullAllowed: boolean,
    use: (stage: Stage, reference: string) => Promise<void>,
  ): Promise<void> {
    const name = uniqueName('paddock-test');
    const image = await makeImage({ Env: ['PATH=/bin', 'FROM_IMAGE=pulled'], Entrypoint: ['/bin/entry'] });
    await using registry = await startRegistry(kind, registryAnswers(name, '1', image, annotations));
    await using service =
      kind === 'podman' ? await startPodman({ PADDOCK_TEST_SECRET: 'of-the-service' }, registry.where) : undefined;
    const policy = { images: ['127.0.0.1:*'], pullAllowed };
    await using stage = await Stage.open(kind, { policy, ...(service ? { socketPath: service.where } : {}) });
    const reference = `${registry.where}/${name}:1`;
    try {
      await use(stage, reference);
    } finally {
      await stage.sessions[Symbol.asyncDispose]();
      await stage.engine.removeImage(reference);
    }
  }

  it('works when policy allows it; nothing of the service’s own environment comes in', async () => {
    await withRegistry({}, true, async (stage, reference) => {
      const session = await stage.create({ image: reference });
      const env = await said(session, 'env');
      expect(env).toContain('FROM_IMAGE=pulled');
      expect(env).not.toContain('of-the-service');
      await stage.sessions.destroy(session.id);
    });
  });

  it('is not done when policy does not allow it', async () => {
    await withRegistry({}, false, async (stage, reference) => {
      await expect(stage.create({ image: reference })).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
      expect(await stage.engine.inspectImage(reference)).toBeUndefined();
    });
  });

  it('brings no image in that would tell the OCI runtime what to do, where the engine would pass it on', async () => {
    await withRegistry({ 'run.oci.seccomp_bpf_data': 'AAAA' }, true, async (stage, reference) => {
      const made = stage.create({ image: reference });
      // Docker keeps no annotations of a manifest, so there is nothing to pass on.
      if (kind === 'podman') await expect(made).rejects.toMatchObject({ code: 'IMAGE_REFUSED' });
      else await stage.sessions.destroy((await made).id);
      expect(await stage.containers()).toEqual([]);
    });
  });
});

/** Names of all volumes of the engine. */
async function volumes(stage: Stage): Promise<readonly string[]> {
  const socketPath = engineSockets[stage.kind];
  await using transport = new Transport({ socketPath });
  const { body } = await transport.call({ method: 'GET', path: '/v1.41/volumes', timeoutMs: 30_000 });
  const { Volumes } = JSON.parse(body.toString('utf8')) as { Volumes: { Name: string }[] | null };
  return (Volumes ?? []).map((volume) => volume.Name).sort();
}
