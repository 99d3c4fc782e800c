import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canary, seccompProfiles } from '../../src/confine/seccomp/profile.js';
import { type Reply, Transport } from '../../src/engine/transport/transport.js';
import type { Engine, EngineIdentity } from '../../src/engine/types.js';
import { handOver } from '../../src/kube/hand-over.js';
import type { Manifest } from '../../src/kube/manifest.js';
import { runtimeSeccomp } from '../../src/kube/seccomp.js';
import { mib, specOf } from '../unit/policy/support/context.js';
import { engineKinds, engineSockets, openTestEngine, uniqueName } from './support/engines.js';
import { loadImage, makeImage } from './support/image-archive.js';

const machine = process.arch === 'arm64' ? 'arm64' : 'amd64';
const keyctl = machine === 'arm64' ? 219 : 250;
/** What our filter answers to calls that it does not know, as to every other operation of keyctl. */
const enosys = 38;
const hasLimits = (process.env['PADDOCK_TEST_REQUIRE'] ?? '').split(',').includes('limits');

async function ask(method: 'GET' | 'POST' | 'DELETE', path: string, json?: unknown): Promise<Reply> {
  await using transport = new Transport({ socketPath: engineSockets.podman });
  // What is tidied up may have gone already.
  const accept = method === 'DELETE' ? [404, 409, 500] : [];
  return await transport.call({ method, path: `/v4.0.0/libpod/${path}`, accept, ...(json ? { json } : {}) });
}

async function told<T>(path: string): Promise<T> {
  const { status, body } = await ask('GET', path);
  expect(status).toBe(200);
  return JSON.parse(body.toString()) as T;
}

/** The image that Podman makes for itself when it plays a pod, and keeps. */
async function pauseImages(): Promise<readonly string[]> {
  const images = await told<{ Names?: string[] }[]>('images/json');
  return images.flatMap(({ Names }) => Names ?? []).filter((one) => one.includes('podman-pause'));
}

interface Inspected {
  readonly State: { readonly Pid: number };
  readonly Config: { readonly User: string };
  readonly HostConfig: object;
}

interface Pod extends Manifest {
  readonly spec: object;
}

interface Played {
  readonly pod: Pod;
  readonly hasOwnUsers: boolean;
}

/**
 * What Podman takes of a pod. It makes a user namespace for one only where it is said how many users that has to have: left to itself it makes one of 1024,
 * which user 65532 is not in; a Podman of 4.3 does not make one of that size either. `seccompProfile` it passes over for the annotation that came before it.
 */
function asPodmanTakesIt(pod: Pod, { version }: EngineIdentity, filter?: string): Played {
  const hasOwnUsers = Number.parseInt(version, 10) >= 5;
  const annotations = {
    ...(hasOwnUsers ? { 'io.podman.annotations.userns': 'auto:size=65533' } : {}),
    ...(filter ? { 'container.seccomp.security.alpha.kubernetes.io/sandbox': `localhost/${filter}` } : {}),
  };
  const spec = hasOwnUsers ? pod.spec : { ...pod.spec, hostUsers: undefined };
  return { pod: { ...pod, spec, metadata: { ...pod.metadata, annotations } }, hasOwnUsers };
}

/** What a container has said, once it has said that this is all. */
async function saidBy(container: string): Promise<string> {
  const said = async () => (await ask('GET', `containers/${container}/logs?stdout=1&stderr=1`)).body.toString();
  await expect.poll(said, { timeout: 60_000 }).toContain('that is all');
  return await said();
}

/** As the kernel has it of a process of the pod. */
function expectConfined(status: string): void {
  for (const name of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
    expect(status).toMatch(new RegExp(`${name}:\\t0+$`, 'm'));
  expect(status).toMatch(/NoNewPrivs:\t1$/m);
  expect(status).toMatch(/Seccomp:\t2$/m);
}

/** Podman plays pods as a cluster's nodes do; only a Podman can be asked. */
describe.runIf(engineKinds.includes('podman'))('what is handed over to a cluster, on a real rootless podman', () => {
  let engine: Engine;
  let before: readonly string[];
  const name = uniqueName('paddock-kube');
  const image = `localhost/${name}:1`;
  const plan = specOf({ memory: '128m', cpus: 0.5 });

  beforeAll(async () => {
    engine = await openTestEngine('podman');
    before = await pauseImages();
    await loadImage(engineSockets.podman, image, await makeImage({ Env: ['PATH=/bin'] }, {}, 0, ['perl']));
  });
  afterAll(async () => {
    for (const one of (await pauseImages()).filter((made) => !before.includes(made)))
      await ask('DELETE', `images/${one}?force=true`);
    await engine.removeImage(image);
    await engine[Symbol.asyncDispose]();
  });

  function podThatRuns(inside: string): Pod {
    // A process 1 that asks for no signal gets none but SIGKILL, and the end of its pod takes the whole grace then.
    const argv = ['sh', '-c', `${inside}; echo that is all; trap exit TERM; sleep 600 & wait`];
    const seccompProfile = `paddock/default-${machine}.json`;
    const wishes = { naming: { name, namespace: name }, image, argv, endsAtMs: 0, seccompProfile };
    return handOver(plan, wishes).manifests.at(-1) as Pod;
  }

  async function takeAway(pod: Pod): Promise<void> {
    await ask('DELETE', 'play/kube?force=true', pod);
    const volumes = await told<{ Name: string }[]>('volumes/json');
    for (const { Name } of volumes.filter((one) => one.Name.startsWith(name))) await ask('DELETE', `volumes/${Name}`);
  }

  it('is a pod that runs as another user, without a right, on a root that can not be written, within its limits', async () => {
    const inside =
      'cat /proc/self/status /proc/self/uid_map /proc/self/mounts; touch /x; cd /sys/fs/cgroup; echo "limits: $(cat memory.max) $(cat cpu.max)"';
    const { pod, hasOwnUsers } = asPodmanTakesIt(podThatRuns(inside), engine.identity);
    const played = await ask('POST', 'play/kube?start=true&logDriver=k8s-file&network=none', pod);
    try {
      expect(played.body.toString()).toMatch(/"ContainerErrors":null/);
      const found = await told<Inspected>(`containers/${name}-sandbox/json`);
      expect(found.HostConfig).toMatchObject({ ReadonlyRootfs: true, Memory: 128 * mib, Privileged: false });
      expect(found.HostConfig).toMatchObject({ NanoCpus: 500_000_000 });
      expect(found.Config.User).toMatch(/^65532/);
      const said = await saidBy(`${name}-sandbox`);
      expectConfined(readFileSync(`/proc/${found.State.Pid}/status`, 'utf8'));
      expectConfined(said);
      expect(said).toMatch(/Uid:\t65532\t65532/);
      expect(said).toMatch(/ \/ \S+ ro[, ]/);
      expect(said).toMatch(/touch:.*Read-only file system/);
      expect(said).not.toContain('serviceaccount');
      // Each of its own, and in memory where Podman knows that there is such a thing.
      const kind = hasOwnUsers ? 'tmpfs' : '\\S+';
      for (const target of [...plan.tmpfs.map((one) => one.target), '/dev/shm'])
        expect(said).toMatch(new RegExp(` ${target} ${kind} rw,nosuid,nodev`));
      // In a namespace of the pod's own there is no such user as the one of this host; in Podman's that one is root.
      expect(said).toMatch(hasOwnUsers ? / 0 +1 +65533\n/ : new RegExp(` 0 +${process.getuid?.() ?? 0} +1\\n`));
      if (hasLimits) expect(said).toContain('limits: 134217728 50000 100000\n');
    } finally {
      await takeAway(pod);
    }
    const left = await told<{ Names?: string[] }[]>('containers/json?all=true');
    expect(left.flatMap(({ Names }) => Names ?? []).filter((one) => one.includes(name))).toEqual([]);
  });

  it('is a filter that a pod can have in force: it answers as ours does, and refuses what ours refuses', async () => {
    const { json = '', fingerprint = '' } = seccompProfiles().find(({ variant }) => variant === 'default') ?? {};
    const folder = mkdtempSync(join(tmpdir(), 'paddock-kube-'));
    writeFileSync(join(folder, 'filter.json'), JSON.stringify(runtimeSeccomp(json, machine)));
    const errno = (operation: number) => `(syscall(${keyctl}, ${operation}, 0, 0, 0, 0), $! + 0)[1]`;
    const asked = `print join(" ", "answers:", ${errno(canary.operation)}, ${errno(0)}), "\\n"`;
    const inside = `cat /proc/self/status; perl -e '${asked}'`;
    const { pod } = asPodmanTakesIt(podThatRuns(inside), engine.identity, 'filter.json');
    try {
      // Its endpoint takes no folder of filters.
      const args = ['kube', 'play', '--network=none', '--log-driver=k8s-file', `--seccomp-profile-root=${folder}`, '-'];
      execFileSync('podman', args, { input: JSON.stringify(pod), stdio: ['pipe', 'pipe', 'pipe'] });
      const said = await saidBy(`${name}-sandbox`);
      expectConfined(said);
      const answer = canary.errno + Number.parseInt(fingerprint.slice(0, 2), 16);
      expect(said).toContain(`answers: ${answer} ${enosys}\n`);
    } finally {
      await takeAway(pod);
      rmSync(folder, { recursive: true });
    }
  });
});
