import type { IdRange } from '../kit/proc/id-map.js';
import type { ResourceLimit } from '../kit/proc/limits.js';
import type { Mount } from '../kit/proc/mountinfo.js';
import type { NamespaceIds } from '../kit/proc/namespaces.js';
import type { ProcStatus } from '../kit/proc/status.js';
import type { LoadedState } from './apparmor-record.js';
import type { NetworkHelperSeen } from './observe-network.js';

/** What lstat says of a path inside; `missing` when nothing is there, `unreadable` when that could not be told. */
export type Sighting =
  | { readonly dev: string; readonly ino: string; readonly rdev: string; readonly isLink: boolean }
  | 'missing'
  | 'unreadable';

/** Effective limits of the sandbox's own cgroup; a text is undefined when its file is not there. */
export interface CgroupFacts {
  readonly path: string;
  /** Whether processes that are not the sandbox's live in it; undefined when that could not be told. */
  readonly isShared: boolean | undefined;
  /** Infinity stands for `max`. */
  readonly memoryMaxBytes: number | undefined;
  readonly swapMaxBytes: number | undefined;
  readonly cpuMillis: number | undefined;
  readonly cpuWeight: number | undefined;
  readonly pidsMax: number | undefined;
}

/** Who is who inside, by the owners of files; undefined where that could not be told. */
export interface SeenInside {
  /** Of a file of the server's own user. */
  readonly ownUid: number | undefined;
  /** Of one of the host's root. */
  readonly rootUid: number | undefined;
  /** The id as which somebody is shown whom nobody inside is. */
  readonly overflowUid: number;
}

/** Everything the kernel was asked; a field is undefined when it could not be read, and then its controls are unknown. */
export interface Observation {
  /** Whether one and the same process was there before and after reading. */
  readonly isSameProcess: boolean;
  /** There where process 1 was asked for all of this, for want of a sight of it. */
  readonly inside?: SeenInside;
  readonly status: ProcStatus | undefined;
  /** Of the process that started it: conmon or the containerd shim. */
  readonly parentStatus: ProcStatus | undefined;
  readonly namespaces: NamespaceIds;
  readonly parentNamespaces: NamespaceIds;
  readonly ownNamespaces: NamespaceIds;
  readonly uidMap: readonly IdRange[] | undefined;
  readonly gidMap: readonly IdRange[] | undefined;
  /** The mounts a path can reach; undefined as well when a line could not be understood. */
  readonly mounts: readonly Mount[] | undefined;
  /** `major:minor` of our own /proc. */
  readonly ownProcDevice: string | undefined;
  /** By path inside. */
  readonly sightings: ReadonlyMap<string, Sighting>;
  readonly interfaces: readonly string[] | undefined;
  /** Who joins it to another network; undefined where nobody asked. */
  readonly networkHelpers?: readonly NetworkHelperSeen[] | undefined;
  /** Undefined: unreadable; `none`: the host has no unified hierarchy for it. */
  readonly cgroup: CgroupFacts | 'none' | undefined;
  readonly hasHostSwap: boolean | undefined;
  readonly limits: ReadonlyMap<string, ResourceLimit> | undefined;
  readonly cmdline: readonly string[] | undefined;
  readonly label: string | undefined;
  readonly apparmorLabel: string | undefined;
  /** In which the kernel has the profile that was asked for; undefined when none was, or it is not loaded. */
  readonly apparmorMode: string | undefined;
  /** Whether that is the profile of this Paddock; undefined where nobody asked. */
  readonly apparmorLoaded?: LoadedState | undefined;
  readonly isSelinuxEnforcing: boolean | undefined;
}
