import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canary, seccompProfiles } from '../../src/confine/seccomp/profile.js';
import { type Reply, Transport } from '../../src/engine/transport/transport.js';
import type { Engine } from '../../src/engine/types.js';
import { handOver } from '../../src/kube/hand-over.js';
import type { Manifest } from '../../src/kube/manifest.js';
import { runtimeSeccomp } from '../../src/kube/seccomp.js';
import { mib, specOf } from '../unit/policy/support/context.js';
import { engineKinds, engineSockets, openTestEngine, uniqueName } from './support/engines.js';
import { loadImage, makeImage } from './support/image-archive.js';

const machine = process.arch === 'arm64' ? 'arm64' : 'amd64';
const keyctl = machine === 'arm64' ? 219 : 250;
const playing = '/v4.0.0/libpod/play/kube';

async function ask(method: 'GET' | 'POST' | 'DELETE', path: string, json?: unknown): Promise<Reply> {
  await using transport = new Transport({ socketPath: engineSockets.podman });
  // What is tidied up may have gone already.
  const accept = method === 'DELETE' ? [404, 409, 500] : [];
  return await transport.call({ method, path, accept, ...(json === undefined ? {} : { json }) });
}

async function told<T>(path: string): Promise<T> {
  const { status, body } = await ask('GET', path);
  expect(status).toBe(200);
  return JSON.parse(body.toString()) as T;
}

/** What Podman makes for itself when it plays a pod, and keeps. */
async function keptByPodman(): Promise<readonly string[]> {
  const [networks, images] = await Promise.all([
    told<{ name: string }[]>('/v4.0.0/libpod/networks/json'),
    told<{ Names?: string[] }[]>('/v4.0.0/libpod/images/json'),
  ]);
  const pause = images.flatMap(({ Names }) => Names ?? []).filter((one) => one.includes('podman-pause'));
  return [
    ...networks.filter(({ name }) => name === 'podman-default-kube-network').map(({ name }) => `networks/${name}`),
    ...pause.map((one) => `images/${one}`),
  ];
}

interface Inspected {
  readonly State: { readonly Pid: number };
  readonly Config: { readonly User: string };
  readonly HostConfig: { readonly ReadonlyRootfs: boolean; readonly Memory: number; readonly Privileged: boolean };
}

/** Podman plays pods as a cluster's nodes do; only a Podman can be asked. */
describe.runIf(engineKinds.includes('podman'))('what is handed over to a cluster, on a real rootless podman', () => {
  let engine: Engine;
  let before: readonly string[];
  const name = uniqueName('paddock-kube');
  const image = `localhost/${name}:1`;
  const seccompProfile = `paddock/default-${machine}.json`;

  beforeAll(async () => {
    engine = await openTestEngine('podman');
    before = await keptByPodman();
    await loadImage(engineSockets.podman, image, await makeImage({ Env: ['PATH=/bin'] }, {}, 0, ['sleep', 'perl']));
  });
  afterAll(async () => {
    for (const one of (await keptByPodman()).filter((made) => !before.includes(made))) {
      await ask('DELETE', `/v4.0.0/libpod/${one}?force=true`);
    }
    await engine.removeImage(image);
    await engine[Symbol.asyncDispose]();
  });

  it('is a pod that runs as another user, without a right, on a root that can not be written, within its limits', async () => {
    const plan = specOf({ memory: '128m', cpus: 0.5 });
    const wishes = { naming: { name, namespace: name }, image, argv: [], endsAtMs: 0, seccompProfile };
    const pod = handOver(plan, wishes).manifests.at(-1) as Manifest & { spec: object };
    // A Podman of 4.3 gives a pod of that kind 1024 users only, and has no folder of filters that a caller may write to.
    const played = await ask('POST', `${playing}?start=true`, { ...pod, spec: { ...pod.spec, hostUsers: undefined } });
    try {
      expect(played.body.toString()).toMatch(/"ContainerErrors":null/);
      const found = await told<Inspected>(`/v4.0.0/libpod/containers/${name}-sandbox/json`);
      expect(found.HostConfig).toMatchObject({ ReadonlyRootfs: true, Memory: 128 * mib, Privileged: false });
      expect(found.Config.User).toMatch(/^65532/);
      const status = readFileSync(`/proc/${found.State.Pid}/status`, 'utf8');
      expect(status).toMatch(/^CapBnd:\t0+$/m);
      expect(status).toMatch(/^CapEff:\t0+$/m);
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
      expect(readFileSync(`/proc/${found.State.Pid}/cmdline`, 'utf8')).toBe(`sleep\0${plan.lifetimeMs / 1000}\0`);
    } finally {
      await ask('DELETE', `${playing}?force=true`, pod);
    }
    const left = await told<{ Names?: string[]; Name?: string }[]>('/v4.0.0/libpod/containers/json?all=true');
    const volumes = await told<{ Name: string }[]>('/v4.0.0/libpod/volumes/json');
    for (const { Name } of volumes.filter((one) => one.Name.startsWith(name))) {
      await ask('DELETE', `/v4.0.0/libpod/volumes/${Name}`);
    }
    expect(left.flatMap(({ Names }) => Names ?? []).filter((one) => one.includes(name))).toEqual([]);
  });

  it('is a filter that a runtime holds: it answers as ours does', async () => {
    const { json = '', fingerprint = '' } = seccompProfiles().find(({ variant }) => variant === 'default') ?? {};
    const folder = mkdtempSync(join(tmpdir(), 'paddock-kube-'));
    const filter = join(folder, 'filter.json');
    writeFileSync(filter, JSON.stringify(runtimeSeccomp(json, machine)));
    const Cmd = ['perl', '-e', `syscall(${keyctl}, ${canary.operation}, 0, 0, 0, 0); print $! + 0;`];
    const HostConfig = { NetworkMode: 'none', SecurityOpt: [`seccomp=${filter}`] };
    const container = `/v1.41/containers/${name}-filter`;
    const created = await ask('POST', `/v1.41/containers/create?name=${name}-filter`, {
      Image: image,
      Cmd,
      HostConfig,
    });
    try {
      expect(created.status).toBe(201);
      await ask('POST', `${container}/start`);
      await ask('POST', `${container}/wait`);
      const { body } = await ask('GET', `${container}/logs?stdout=1&stderr=1`);
      // Each piece of output has a head of eight bytes.
      expect(Number(body.subarray(8).toString())).toBe(canary.errno + Number.parseInt(fingerprint.slice(0, 2), 16));
    } finally {
      await ask('DELETE', `${container}?force=true&v=true`);
      rmSync(folder, { recursive: true });
    }
  });
});
