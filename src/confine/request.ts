import type { SandboxSpec } from '../core/spec.js';
import type { ContainerClaims, EngineInfo, EngineKind } from '../engine/types.js';
import type { AppArmorRecords } from './apparmor-record.js';
import type { SeccompProfile } from './seccomp/profile.js';

/** A host path that was approved and given to the engine, by identity (decimal text, as `workspace` returns it). */
export interface ExpectedMount {
  readonly target: string;
  readonly source: string;
  readonly dev: string;
  readonly ino: string;
  readonly readOnly: boolean;
  /** Shown through an overlay instead of by a bind. */
  readonly overlay?: ExpectedOverlay;
}

/** The one other layer, beside the source: an empty folder below it, where nothing may be written, or what takes the writing. */
export type ExpectedOverlay = { readonly over: string } | { readonly upper: string };

/** All that evidence is judged by: what was asked, what the engine claims, and where to look. */
export interface EvidenceRequest {
  /** Process 1 of the sandbox, by its number on the host. */
  readonly pid: number;
  readonly spec: SandboxSpec;
  readonly claims: ContainerClaims;
  readonly info?: EngineInfo;
  readonly engineKind: EngineKind;
  /** Every bind that was asked for, our own init and the host image's included. */
  readonly approvedMounts: readonly ExpectedMount[];
  readonly callerUid: number;
  /** The exact command line of process 1: our init with its deadline. */
  readonly initArgv: readonly string[];
  /** The filter that was asked for. */
  readonly seccomp: Pick<SeccompProfile, 'variant' | 'fingerprint'>;
  /** The AppArmor profile that was asked for, if any. */
  readonly apparmorProfile?: string | undefined;
  /** What the loaded profile is held against; absent: against nothing. */
  readonly apparmorRecords?: AppArmorRecords | undefined;
  /** The SELinux type that its processes ought to have; undefined on a host without SELinux. */
  readonly selinuxType?: string | undefined;
  readonly nowMs: number;
  /** Defaults: `/proc`, `/sys/fs/cgroup`, `/sys`. */
  readonly procRoot?: string;
  readonly cgroupRoot?: string;
  readonly sysRoot?: string;
}
