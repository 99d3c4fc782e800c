import type { AppArmorRecords } from '../confine/apparmor-record.js';
import type { CommandPath } from '../core/exec.js';
import type { SandboxSpec } from '../core/spec.js';
import type { Engine } from '../engine/types.js';
import type { Clock } from '../kit/clock.js';
import type { ApprovalContext, ApprovedMount, HostObject } from '../workspace/approve.js';
import type { BindMount, WriteLayer } from '../workspace/binds.js';
import type { CgroupKeeper } from './cgroups/cgroup-keeper.js';
import type { EngineView } from './engine-view.js';
import type { ImageStore } from './images.js';
import type { PipeMaker } from './pipe-maker.js';
import type { SeccompFiles } from './seccomp-files.js';

/** What making a sandbox needs besides its spec; one per process. */
export interface SandboxMaker {
  readonly engine: Engine;
  readonly images: ImageStore;
  readonly clock: Clock;
  /** Our process 1, in a folder of ours. */
  readonly init: BindMount;
  readonly seccomp: SeccompFiles;
  /** What the AppArmor profile that is loaded is held against. */
  readonly apparmor?: AppArmorRecords;
  readonly pipes: PipeMaker;
  readonly cgroups: CgroupKeeper;
  /** How commands get into the sandboxes. */
  readonly commandPath: CommandPath;
  /** The most that a sandbox may live, however often its deadline is put off. */
  readonly lifetimeCeilingMs: number;
  readonly approval: ApprovalContext;
  readonly callerUid: number;
  readonly mappableIds: number;
  /** Whether the report of a process 1 that can't be seen from here counts as evidence; absent: it does not. */
  readonly isReportAccepted?: boolean;
  /** In a container: what the engine sees of our paths. */
  readonly view?: EngineView | undefined;
}

/** What names a sandbox and marks it as ours. */
export interface SandboxIdentity {
  readonly containerName: string;
  readonly labels: Readonly<Record<string, string>>;
  /** A folder of ours for this session's channel; made when needed, gone with the sandbox. */
  readonly channelFolder: string;
  /** Whether it outlives the process that makes it. */
  readonly detached: boolean;
}

/** A host path that passed its checks, and where it is to appear. */
export interface ApprovedPath {
  readonly mount: ApprovedMount;
  readonly target: string;
  /** What takes the writing, where it is shown copy-on-write. */
  readonly layer?: WriteLayer;
  /** A copy of it that is shown in its place, for the same. */
  readonly copy?: HostObject;
}

/**
 * The most that a sandbox can live. No engine can be told another time later, so where process 1 can be, the engine's own clock is
 * set for the latest moment there is.
 */
export function longestLifetimeMs(
  { commandPath, lifetimeCeilingMs }: Pick<SandboxMaker, 'commandPath' | 'lifetimeCeilingMs'>,
  { lifetimeMs }: Pick<SandboxSpec, 'lifetimeMs'>,
): number {
  return commandPath === 'exec' ? lifetimeMs : Math.max(lifetimeMs, lifetimeCeilingMs);
}

/** With the engine's exec commands have what the container has: the limit of one file stays what it is then. */
export function asMade(spec: SandboxSpec, { commandPath }: Pick<SandboxMaker, 'commandPath'>): SandboxSpec {
  if (commandPath !== 'exec') return spec;
  const limits = { ...spec.limits };
  delete limits.fsizeMostBytes;
  return { ...spec, limits };
}
