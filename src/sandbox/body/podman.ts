import type { Limits } from '../../core/limits.js';
import type { SandboxSpec, TmpfsSpec } from '../../core/spec.js';
import type { WriteLayer } from '../../workspace/binds.js';
import { type BodyInput, type BodyMount, insideUid, overlayOptions, tmpfsOptions, type UserMapping } from './input.js';

/**
 * The request for `POST /libpod/containers/create` (SpecGenerator). libpod's own endpoint, because the compatible one
 * cannot turn off the unsized tmpfs of a read-only root, ignores rlimits of rootless containers before 5.5, has no
 * explicit id mapping, and never reports warnings.
 */
export function podmanBody(input: BodyInput): Record<string, unknown> {
  const { spec } = input;
  const uid = insideUid(input.mapping);
  return {
    name: input.name,
    image: input.image,
    labels: input.labels,
    entrypoint: [],
    command: input.initArgv,
    user: `${uid}:${uid}`,
    work_dir: spec.workdir,
    hostname: spec.hostname,
    env: input.env,
    // Neither the engine's service nor the image adds a variable.
    unsetenvall: true,
    httpproxy: false,
    terminal: false,
    stdin: input.stdinOpen,
    systemd: 'false',
    privileged: false,
    cap_drop: ['ALL'],
    no_new_privileges: true,
    seccomp_profile_path: input.seccomp.path,
    ...(input.selinuxType === undefined ? {} : { selinux_opts: [`type:${input.selinuxType}`] }),
    read_only_filesystem: true,
    read_write_tmpfs: false,
    // Removed by conmon itself when it ends, and not worth an fsync.
    remove: true,
    volatile: true,
    // Second clock beside process 1: conmon ends the container if process 1 was stopped.
    timeout: Math.ceil(input.engineTimeoutMs / 1000) + 60,
    stop_timeout: 1,
    image_volume_mode: 'ignore',
    log_configuration: { driver: 'none' },
    healthconfig: noHealthcheck,
    mask: spec.maskedPaths,
    ...network(input),
    ...namespaces(input.mapping),
    ...limits(spec),
    ...mounts(input),
  };
}

/**
 * None is run. With times all the same, in nanoseconds: whenever anything of a container is changed Podman 5.4 reads them again, and refuses the
 * whole change where there is no timeout (seen).
 */
const noHealthcheck = { Test: ['NONE'], Interval: 30_000_000_000, Timeout: 30_000_000_000, Retries: 3 };

/**
 * An allowlist is kept by whoever holds the session: the sandbox has no network device with it either. With `open` both helpers would have an
 * address behind which the host's loopback lies, or in Podman from 5.3 on the host itself (169.254.1.2); a setting of the user's may open them,
 * so they are closed by name. Whom to ask for names says the engine then; a name of the host's it would write into the image's hosts.
 */
function network({ spec, networkHelper }: BodyInput): Record<string, unknown> {
  const names = { use_image_hosts: true, use_image_resolve_conf: spec.network !== 'open' };
  if (spec.network !== 'open') return { ...names, netns: { nsmode: 'none' } };
  const helper = networkHelper ?? 'slirp4netns';
  const options = {
    slirp4netns: ['allow_host_loopback=false', 'enable_ipv6=false'],
    pasta: ['--map-host-loopback', 'none', '--map-guest-addr', 'none'],
  };
  return { ...names, netns: { nsmode: helper }, network_options: { [helper]: options[helper] } };
}

function namespaces(mapping: UserMapping): Record<string, unknown> {
  const own = { nsmode: 'private' };
  return {
    pidns: own,
    ipcns: own,
    utsns: own,
    cgroupns: own,
    ...userNamespace(mapping),
  };
}

function userNamespace(mapping: UserMapping): Record<string, unknown> {
  const map = idMap(mapping);
  return {
    userns: { nsmode: 'private' },
    idmappings: { HostUIDMapping: false, HostGIDMapping: false, UIDMap: map, GIDMap: map },
  };
}

interface IdRange {
  readonly container_id: number;
  readonly host_id: number;
  readonly size: number;
}

/**
 * Always spelled out, also what `nsmode: keep-id` would work out by itself: for that Podman asks libsubid, which is not
 * safe for threads, so two creates at once fail with "cannot read subids" or crash the whole service (seen on 4.3.1).
 * `host_id` 0 is the caller, from 1 on are the caller's subordinate ids.
 */
function idMap(mapping: UserMapping): readonly IdRange[] {
  if (mapping.kind === 'daemon') return [{ container_id: 0, host_id: 0, size: 1 }];
  if (mapping.kind === 'identity') return [{ container_id: 0, host_id: 0, size: mapping.sizeIds }];
  const user = insideUid(mapping);
  return [
    { container_id: 0, host_id: 1, size: Math.min(user, mapping.sizeIds - 1) },
    { container_id: user, host_id: 0, size: 1 },
    { container_id: user + 1, host_id: user + 1, size: mapping.sizeIds - 1 - user },
  ].filter(({ size }) => size > 0);
}

/** OCI resources: part of a create request, and all of `POST /libpod/containers/ID/update`. */
export function podmanResources(cap: Limits): Record<string, unknown> {
  return {
    memory: { limit: cap.memoryBytes, swap: cap.memoryBytes },
    cpu: { period: 100_000, quota: cap.cpuMillis * 100, shares: cap.cpuShares },
    pids: { limit: cap.pids },
  };
}

function limits({ limits: cap, shmBytes }: SandboxSpec): Record<string, unknown> {
  const fsizeBytes = cap.fsizeMostBytes ?? cap.fsizeBytes;
  const rlimit = (type: string, value: number) => ({ type, soft: value, hard: value });
  return {
    resource_limits: podmanResources(cap),
    r_limits: [
      rlimit('nofile', cap.nofile),
      rlimit('core', cap.coreBytes),
      ...(fsizeBytes === undefined ? [] : [rlimit('fsize', fsizeBytes)]),
    ],
    shm_size: shmBytes,
  };
}

/**
 * Whether a mount is asked for as an overlay. Where SELinux enforces, a container may not read user_home_t; through an
 * overlay it may, and nothing of the user's is relabelled. A file can't be overlaid.
 */
export function isThroughOverlay(mount: BodyMount, selinuxEnforcing: boolean): boolean {
  return selinuxEnforcing && mount.readOnly && mount.kind === 'folder' && !mount.ours;
}

function mounts(input: BodyInput): Record<string, unknown> {
  const overlaid = (mount: BodyMount) => isThroughOverlay(mount, input.selinuxEnforcing);
  return {
    mounts: [
      ...input.mounts.map((m) => {
        if (m.layer !== undefined) return writableOverlay(m, m.layer);
        return overlaid(m) ? overlay(m, input.emptyFolder) : bind(m, input.selinuxEnforcing);
      }),
      ...[...input.spec.tmpfs, sharedMemory(input.spec)].map(tmpfs),
    ],
  };
}

function bind(mount: BodyMount, selinux: boolean): Record<string, unknown> {
  return {
    type: 'bind',
    source: mount.source,
    destination: mount.target,
    options: [
      'rbind',
      'rprivate',
      mount.readOnly ? 'ro' : 'rw',
      'nosuid',
      'nodev',
      ...(mount.ours && selinux ? ['z'] : []),
    ],
  };
}

/**
 * Asked of the OCI runtime, which gives it the container's label. Podman's own `overlay_volumes` has no read-only form
 * (5.4 drops `ro`): what is written goes to an upper on the host's disk without any limit. An overlay with lower layers only
 * can't be written at all. Approved paths hold none of the characters that end a layer or an option.
 */
function overlay(mount: BodyMount, emptyFolder: string): Record<string, unknown> {
  return {
    type: 'overlay',
    source: 'overlay',
    destination: mount.target,
    options: ['ro', 'nosuid', 'nodev', `lowerdir=${mount.source}:${emptyFolder}`],
  };
}

/** Asked of the OCI runtime as well: with `overlay_volumes` Podman would change owner and mode of the layer. */
function writableOverlay({ source, target }: BodyMount, layer: WriteLayer): Record<string, unknown> {
  return {
    type: 'overlay',
    source: 'overlay',
    destination: target,
    options: ['rw', 'nosuid', 'nodev', ...overlayOptions(source, layer)],
  };
}

/** Asked for by itself: Podman's own is read-only wherever `read_write_tmpfs` is off (seen on 5.4, not on 4.3). */
function sharedMemory({ shmBytes }: SandboxSpec): TmpfsSpec {
  return { target: '/dev/shm', sizeBytes: shmBytes, mode: 0o1777, executable: false, ownedByUser: false };
}

function tmpfs(spec: TmpfsSpec): Record<string, unknown> {
  return {
    type: 'tmpfs',
    source: 'tmpfs',
    destination: spec.target,
    options: [...tmpfsOptions(spec), 'notmpcopyup', ...(spec.ownedByUser ? ['U'] : [])],
  };
}
