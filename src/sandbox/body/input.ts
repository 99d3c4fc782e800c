import type { SandboxSpec, TmpfsSpec } from '../../core/spec.js';
import type { WriteLayer } from '../../workspace/binds.js';

/**
 * How ids map. `keep-id`: the sandbox user is 1000 inside and the caller outside (Podman copies an image's layers for
 * it, so it is for small images). `identity`: 0 inside is the caller, in a namespace of its own. `daemon`: 0 inside is
 * the caller, in the namespace of the rootless Docker daemon.
 */
export type UserMapping =
  | { readonly kind: 'keep-id'; readonly sizeIds: number }
  | { readonly kind: 'identity'; readonly sizeIds: number }
  | { readonly kind: 'daemon' };

/** The numeric user that commands run as inside, by mapping. */
export function insideUid(mapping: UserMapping): number {
  return mapping.kind === 'keep-id' ? 1000 : 0;
}

/** A host path that has been approved, as it goes into the request: plain absolute paths, no options from outside. */
export interface BodyMount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly kind: 'folder' | 'file' | 'other';
  readonly layer?: WriteLayer | undefined;
  /** Ours, and to be labelled for containers where SELinux is on. */
  readonly ours: boolean;
}

/** A system call filter, as each engine takes it: Docker its text, Podman a file that its service can read. */
export interface BodySeccomp {
  readonly json: string;
  readonly path: string;
}

/** What joins a sandbox of a rootless Podman to the host's network. */
export type NetworkHelper = 'slirp4netns' | 'pasta';

/** Everything a create request is made of. Each field has been decided or checked by Paddock. */
export interface BodyInput {
  readonly name: string;
  /** Image id or a reference of ours; never a caller's text. */
  readonly image: string;
  /** With a tmpfs for every path that the image declares as a volume, so that no volume is made. */
  readonly spec: SandboxSpec;
  /** Environment of process 1 and every command: the image's, then the spec's. */
  readonly env: Readonly<Record<string, string>>;
  readonly mapping: UserMapping;
  readonly mounts: readonly BodyMount[];
  /** Command line of process 1. */
  readonly initArgv: readonly string[];
  /** Whether process 1 gets a standard input, for a channel over the engine's attach stream. */
  readonly stdinOpen: boolean;
  /** When the engine itself ends it, where it has a clock for that: the last resort behind process 1. */
  readonly engineTimeoutMs: number;
  readonly labels: Readonly<Record<string, string>>;
  /** For network `open` on Podman. */
  readonly networkHelper?: NetworkHelper | undefined;
  readonly seccomp: BodySeccomp;
  readonly selinuxEnforcing: boolean;
  /** The type of its processes; undefined: whatever the engine gives its containers. The categories are always the engine's. */
  readonly selinuxType?: string | undefined;
  /** Second layer of read-only overlays, on hosts where SELinux enforces. */
  readonly emptyFolder: string;
}

/**
 * What makes an overlay of a folder and a layer that takes what is written. With `userxattr`, since the kernel lets nobody without
 * privileges set the attributes that it marks replaced folders by otherwise: their removal fails with EIO then.
 */
export function overlayOptions(source: string, { upper, work }: WriteLayer): readonly string[] {
  return [`lowerdir=${source}`, `upperdir=${upper}`, `workdir=${work}`, 'userxattr'];
}

/** A tmpfs of a size of its own, on which nothing changes a user or is a device. */
export function tmpfsOptions({ executable, sizeBytes, mode }: TmpfsSpec): readonly string[] {
  return ['rw', 'nosuid', 'nodev', executable ? 'exec' : 'noexec', `size=${sizeBytes}`, `mode=${mode.toString(8)}`];
}

/** Where our process 1 is shown inside every sandbox. */
export const initTarget = '/.paddock/init';

/** Where the folder with the channel's pipes is shown inside; process 1 knows it by the same name. */
export const channelTarget = '/.paddock/io';

/**
 * Command line of process 1: CLOCK_BOOTTIME in milliseconds at which it ends the sandbox, what its channel needs, and the
 * AppArmor profile that it puts itself under, if it is loaded.
 */
export function initArgv(
  deadlineBoottimeMs: number,
  channelWords: readonly string[],
  apparmorProfile?: string,
): readonly string[] {
  const confined = apparmorProfile === undefined ? [] : ['--apparmor', apparmorProfile];
  return [initTarget, '--deadline-boottime-ms', String(deadlineBoottimeMs), ...confined, ...channelWords];
}

/** What covers a volume that an image declares: small, since it is charged to the memory, and a volume of the engine would have no limit at all. */
export function imageVolumeTmpfs(target: string, memoryBytes: number): TmpfsSpec {
  const sizeBytes = Math.min(16 * 1024 * 1024, Math.floor(memoryBytes / 16));
  return { target, sizeBytes, mode: 0o755, executable: false, ownedByUser: true };
}
