import type { EgressSpec, PublishedPort } from './egress.js';
import type { ControlId } from './evidence.js';
import type { Limits } from './limits.js';
import type { ProviderId } from './providers.js';

/** By which means `cow`: through an overlay, by a copy of the project, or by that only where no overlay can be had. */
export const copyOnWriteWays = ['auto', 'overlay', 'copy'] as const;
export type CopyOnWriteWay = (typeof copyOnWriteWays)[number];

/** How the project folder is shown inside. `cow`: what is written goes to a layer of the session's own, and the folder stays as it is. */
export const workspaceModes = ['cow', 'ro', 'rw', 'none'] as const;
export type WorkspaceMode = (typeof workspaceModes)[number];

/**
 * Network modes, the strictest first. But for `open`, which is the engine's own network, there is no network device but the loopback: `internal`
 * and `allowlist` add ports on it from which connections go to the session's holder, who decides.
 */
export const networkModes = ['none', 'internal', 'allowlist', 'open'] as const;
export type NetworkMode = (typeof networkModes)[number];

/** System call filters of ours: the default, one that lets debuggers work, one that lets programs make sandboxes of their own. */
export const seccompVariants = ['default', 'debug', 'nested'] as const;
export type SeccompVariant = (typeof seccompVariants)[number];

/** Where the project appears inside every sandbox. */
export const workspaceTarget = '/workspace';

/** The image to run: the built-in host image, or a fully qualified reference (registry/name:tag or name@sha256:…). */
export type ImageSpec =
  | { readonly kind: 'host'; readonly extraFolders: readonly string[] }
  | { readonly kind: 'reference'; readonly reference: string; readonly pullAllowed: boolean };

/** A host folder or file to show inside. Checked by `workspace` before it is used, and again on the running container. */
export interface MountSpec {
  /** Absolute host path as the caller gave it; `workspace` resolves and approves it. */
  readonly hostPath: string;
  /** Absolute path inside, normalised, never under /proc, /sys, /dev. */
  readonly target: string;
  readonly readOnly: boolean;
  readonly purpose: 'workspace' | 'mcp' | 'host-image' | 'extra';
  /** Shown through a layer of the session's own, which takes what is written; the path itself is only read. */
  readonly copyOnWrite?: boolean | undefined;
}

export interface TmpfsSpec {
  readonly target: string;
  readonly sizeBytes: number;
  /** Octal permission bits, for example 0o1777. */
  readonly mode: number;
  readonly executable: boolean;
  /** Owned by the sandbox user instead of root. */
  readonly ownedByUser: boolean;
}

/**
 * The engine-neutral plan of one sandbox: what `policy` decided from a request and the site's policy. It holds nothing
 * that an engine has not been allowed to hear; `sandbox` turns it into engine calls in one place.
 */
export interface SandboxSpec {
  readonly image: ImageSpec;
  readonly workspace: WorkspaceMode;
  /** The project mount (absent when `workspace` is `none`) and every other host path. */
  readonly mounts: readonly MountSpec[];
  readonly tmpfs: readonly TmpfsSpec[];
  readonly network: NetworkMode;
  /** With `allowlist` and `internal` only: what may be reached besides siblings. */
  readonly egress?: EgressSpec;
  /** With `internal` only: what its siblings may connect to. */
  readonly ports?: readonly PublishedPort[];
  /** Whose models it may call through the credential broker; absent: nobody's. */
  readonly providers?: readonly ProviderId[];
  /** Git hosts that it reaches through the credential broker, with a token that is outside. */
  readonly git?: readonly string[];
  /** Names of the site's own routes of the credential broker. */
  readonly routes?: readonly string[];
  readonly limits: Limits;
  /** Environment of every command; names are [A-Za-z_][A-Za-z0-9_]*, values hold no NUL. */
  readonly env: Readonly<Record<string, string>>;
  /** The caller's own labels; ours are added by `sandbox` and can't be set from outside. */
  readonly labels: Readonly<Record<string, string>>;
  /** Absolute path inside where commands start. */
  readonly workdir: string;
  readonly hostname: string;
  /** Milliseconds of wall clock (suspend included) after which process 1 ends the sandbox. */
  readonly lifetimeMs: number;
  /** Milliseconds without a command after which the session's holder ends it; absent: none, in records of older versions. */
  readonly idleTimeoutMs?: number;
  /** Time a command of this sandbox gets when it asks for none; absent: the policy's default. */
  readonly timeoutMs?: number;
  /** Milliseconds that what it has written beside its project is kept after its end; 0 or absent: not at all. */
  readonly keepChangesMs?: number;
  readonly shmBytes: number;
  readonly maskedPaths: readonly string[];
  /** Absent: the engine's own, in records of older versions. */
  readonly seccomp?: SeccompVariant;
  /** Name of the profile it was made with; absent in records of older versions. */
  readonly profile?: string;
  /** Controls that must be confirmed by the kernel, else the sandbox is destroyed. */
  readonly require: readonly ControlId[];
}
