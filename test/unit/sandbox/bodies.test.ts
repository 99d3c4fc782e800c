import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { builtInPolicy } from '../../../src/config/built-in-policy.js';
import { decideCreate } from '../../../src/policy/create.js';
import { dockerBody } from '../../../src/sandbox/body/docker.js';
import { type BodyInput, imageVolumeTmpfs, initArgv, type UserMapping } from '../../../src/sandbox/body/input.js';
import { podmanBody } from '../../../src/sandbox/body/podman.js';
import { longestLifetimeMs } from '../../../src/sandbox/maker.js';

/** Set to rewrite the golden files: `PADDOCK_UPDATE_GOLDEN=1 npx vitest run --project unit test/unit/sandbox/bodies.test.ts`. */
const isUpdating = process.env['PADDOCK_UPDATE_GOLDEN'] === '1';

const host = { homeDir: '/home/ann', hostMemoryBytes: 16 * 1024 ** 3, cpuCount: 8 };

/** What policy makes of a request that asks for a bit of everything. */
function inputOf(changes: Partial<BodyInput> = {}): BodyInput {
  const verdict = decideCreate(
    {
      projectPath: '/home/ann/project',
      env: { EDITOR: 'true' },
      labels: { team: 'blue' },
      dockerOpts: { Memory: '2g', CpuQuota: 50_000, Ulimits: [{ Name: 'fsize', Soft: 1_048_576, Hard: 1_048_576 }] },
    },
    { sitePolicy: builtInPolicy('/home/ann'), host },
  );
  if (verdict.verdict === 'deny') throw new Error(verdict.reason);
  return {
    name: 'paddock-abcdefghijkl',
    image: 'localhost/paddock-host:0123456789abcdef',
    spec: {
      ...verdict.spec,
      tmpfs: [...verdict.spec.tmpfs, imageVolumeTmpfs('/var/lib/data', verdict.spec.limits.memoryBytes)],
    },
    env: { FROM_IMAGE: '1', ...verdict.spec.env },
    mapping: { kind: 'keep-id', sizeIds: 65_537 },
    mounts: [
      { source: '/usr', target: '/usr', readOnly: true, kind: 'folder', ours: false },
      { source: '/home/ann/project', target: '/workspace', readOnly: true, kind: 'folder', ours: false },
      { source: '/home/ann/data', target: '/data', readOnly: false, kind: 'folder', ours: false },
      { source: '/state/bin/paddock-init-0123', target: '/.paddock/init', readOnly: true, kind: 'file', ours: true },
      { source: '/run/paddock/channels/pdk_x/io', target: '/.paddock/io', readOnly: true, kind: 'folder', ours: true },
    ],
    initArgv: initArgv(123_456_789, ['--channel', 'fifo']),
    stdinOpen: false,
    engineTimeoutMs: 86_400_000,
    labels: { 'dev.paddock.session': 'pdk_x', 'dev.paddock.nonce': 'n', 'dev.paddock.user.team': 'blue' },
    seccomp: { json: '{"defaultAction":"SCMP_ACT_ERRNO"}', path: '/state/bin/seccomp-default-01234567.json' },
    selinuxEnforcing: false,
    emptyFolder: '/state/bin/empty',
    ...changes,
  };
}

function golden(name: string, made: unknown): void {
  const path = join(import.meta.dirname, 'golden', `${name}.json`);
  if (isUpdating) writeFileSync(path, `${JSON.stringify(made, null, 2)}\n`);
  const kept: unknown = JSON.parse(readFileSync(path, 'utf8'));
  expect(JSON.parse(JSON.stringify(made))).toEqual(kept);
}

const identity: UserMapping = { kind: 'identity', sizeIds: 65_537 };

describe('the create request', () => {
  it('is what its golden file says: podman', () => {
    golden('podman', podmanBody(inputOf()));
  });

  it('joins network open to the engine’s, with the host’s loopback closed by name', () => {
    const input = inputOf();
    const spec = { ...input.spec, network: 'open' as const };
    expect(podmanBody({ ...input, spec, networkHelper: 'slirp4netns' })).toMatchObject({
      netns: { nsmode: 'slirp4netns' },
      network_options: { slirp4netns: ['allow_host_loopback=false', 'enable_ipv6=false'] },
      use_image_hosts: true,
      use_image_resolve_conf: false,
    });
    expect(podmanBody({ ...input, spec, networkHelper: 'pasta' })).toMatchObject({
      netns: { nsmode: 'pasta' },
      network_options: { pasta: ['--map-host-loopback', 'none', '--map-guest-addr', 'none'] },
    });
    expect(dockerBody({ ...input, spec, mapping: { kind: 'daemon' } })).toMatchObject({
      NetworkDisabled: false,
      HostConfig: { NetworkMode: 'bridge' },
    });
  });

  it('is what its golden file says: docker', () => {
    golden('docker', dockerBody(inputOf({ mapping: { kind: 'daemon' } })));
  });

  it('maps every id to itself for a large image on podman, and differs in nothing else', () => {
    const small = podmanBody(inputOf());
    const { userns, idmappings, user, ...rest } = podmanBody(inputOf({ mapping: identity }));
    const map = [{ container_id: 0, host_id: 0, size: 65_537 }];
    expect({ userns, user }).toEqual({ userns: { nsmode: 'private' }, user: '0:0' });
    expect(idmappings).toEqual({ HostUIDMapping: false, HostGIDMapping: false, UIDMap: map, GIDMap: map });
    expect({ ...rest, userns, idmappings: small['idmappings'], user: small['user'] }).toEqual(small);
  });

  it('on podman with SELinux shows foreign read-only folders through overlays without an upper, relabels only what is ours', () => {
    const { mounts, ...rest } = podmanBody(inputOf({ selinuxEnforcing: true }));
    const plain = podmanBody(inputOf());
    const made = mounts as { type: string; destination: string; options: string[] }[];
    expect(made.filter((m) => m.type === 'overlay').map((m) => [m.destination, m.options])).toEqual([
      ['/usr', ['ro', 'nosuid', 'nodev', 'lowerdir=/usr:/state/bin/empty']],
      ['/workspace', ['ro', 'nosuid', 'nodev', 'lowerdir=/home/ann/project:/state/bin/empty']],
    ]);
    const binds = made.filter((m) => m.type === 'bind');
    expect(binds.map((m) => [m.destination, m.options.includes('z')])).toEqual([
      ['/data', false],
      ['/.paddock/init', true],
      ['/.paddock/io', true],
    ]);
    expect({ ...rest, mounts: plain['mounts'] }).toEqual(plain);
  });

  it('on podman with SELinux binds single files, since no overlay can show one', () => {
    const cache = {
      source: '/etc/ld.so.cache',
      target: '/etc/ld.so.cache',
      readOnly: true,
      kind: 'file',
      ours: false,
    } as const;
    const body = podmanBody(inputOf({ mounts: [cache], selinuxEnforcing: true }));
    const options = ['rbind', 'rprivate', 'ro', 'nosuid', 'nodev'];
    expect(body['mounts']).toContainEqual({ type: 'bind', source: cache.source, destination: cache.target, options });
  });

  it('shows a project copy-on-write through an overlay with a layer of ours, which nothing relabels or changes', () => {
    const layer = { upper: '/state/layers/pdk_x/upper', work: '/state/layers/pdk_x/work' };
    const mounts = [
      {
        source: '/home/ann/project',
        target: '/workspace',
        readOnly: false,
        kind: 'folder',
        ours: false,
        layer,
      } as const,
    ];
    const options = ['lowerdir=/home/ann/project', `upperdir=${layer.upper}`, `workdir=${layer.work}`, 'userxattr'];
    for (const selinuxEnforcing of [false, true]) {
      expect(podmanBody(inputOf({ mounts, selinuxEnforcing }))['mounts']).toContainEqual({
        ...{ type: 'overlay', source: 'overlay', destination: '/workspace' },
        options: ['rw', 'nosuid', 'nodev', ...options],
      });
    }
    // Without a name: the engine removes it with the container.
    expect(dockerBody(inputOf({ mounts }))['HostConfig']).toHaveProperty('Mounts', [
      {
        ...{ Type: 'volume', Target: '/workspace' },
        VolumeOptions: {
          NoCopy: true,
          DriverConfig: {
            Name: 'local',
            Options: { type: 'overlay', device: 'overlay', o: [...options, 'nosuid', 'nodev'].join(',') },
          },
        },
      },
    ]);
  });

  it('on docker differs by nothing for SELinux or another mapping', () => {
    const plain = dockerBody(inputOf({ mapping: { kind: 'daemon' } }));
    expect(dockerBody(inputOf({ mapping: { kind: 'daemon' }, selinuxEnforcing: true }))).toEqual(plain);
  });

  it('asks for the SELinux type that was found, never for a level, and for nothing else', () => {
    const typed = inputOf({ selinuxType: 'paddock_sandbox.process' });
    expect(podmanBody(typed)).toEqual({ ...podmanBody(inputOf()), selinux_opts: ['type:paddock_sandbox.process'] });
    const { HostConfig: host, ...rest } = dockerBody(typed) as { HostConfig: { SecurityOpt: string[] } };
    const { HostConfig: plain, ...others } = dockerBody(inputOf()) as { HostConfig: { SecurityOpt: string[] } };
    const SecurityOpt = [...plain.SecurityOpt, 'label=type:paddock_sandbox.process'];
    expect({ ...rest, HostConfig: host }).toEqual({ ...others, HostConfig: { ...plain, SecurityOpt } });
  });

  it('covers every volume of an image with a sized tmpfs, on both engines', () => {
    const podman = podmanBody(inputOf()) as { mounts: { destination: string; options: string[] }[] };
    const docker = dockerBody(inputOf()) as { HostConfig: { Tmpfs: Record<string, string> } };
    const mount = podman.mounts.find((m) => m.destination === '/var/lib/data');
    expect(mount?.options).toEqual(expect.arrayContaining(['nosuid', 'nodev', 'noexec', 'size=16777216']));
    expect(docker.HostConfig.Tmpfs['/var/lib/data']).toBe('rw,nosuid,nodev,noexec,size=16777216,mode=755');
  });

  it('takes exactly the given environment along, none of the service’s or the image’s own', () => {
    const podman = podmanBody(inputOf());
    expect(podman).toMatchObject({ unsetenvall: true, httpproxy: false, env: { FROM_IMAGE: '1', EDITOR: 'true' } });
    expect(podman).not.toHaveProperty('env_host');
    const docker = dockerBody(inputOf()) as { Env: string[] };
    expect(docker.Env).toEqual(Object.entries(inputOf().env).map(([name, value]) => `${name}=${value}`));
    expect(docker.Env.every((entry) => /^[A-Za-z_]\w*=/.test(entry))).toBe(true);
  });

  it('never starts a program of the image', () => {
    const argv = ['/.paddock/init', '--deadline-boottime-ms', '123456789', '--channel', 'fifo'];
    expect(podmanBody(inputOf())).toMatchObject({ entrypoint: [], command: argv });
    expect(dockerBody(inputOf())).toMatchObject({ Entrypoint: argv, Cmd: [] });
  });
});

describe("the engine's own clock", () => {
  const spec = { lifetimeMs: 60_000 };

  it('is set for the latest moment to which process 1 can be told to put the end off', () => {
    expect(longestLifetimeMs({ commandPath: 'fifo', lifetimeCeilingMs: 90_000 }, spec)).toBe(90_000);
    expect(longestLifetimeMs({ commandPath: 'attach', lifetimeCeilingMs: 90_000 }, spec)).toBe(90_000);
    expect(longestLifetimeMs({ commandPath: 'exec', lifetimeCeilingMs: 90_000 }, spec)).toBe(60_000);
    expect(podmanBody(inputOf({ engineTimeoutMs: 90_000 }))).toMatchObject({ timeout: 150 });
  });
});
