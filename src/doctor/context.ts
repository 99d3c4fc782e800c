import type { Checkpoints } from '../audit/anchor/checkpoints.js';
import type { AppArmorState } from '../confine/apparmor-install.js';
import type { SelinuxState } from '../confine/selinux-install.js';
import type { PaddockError } from '../core/errors.js';
import type { CommandPath } from '../core/exec.js';
import type { ImageScan } from '../core/image-scan.js';
import type { SitePolicy } from '../core/site-policy.js';
import type { CopyOnWriteWay } from '../core/spec.js';
import type { Engine } from '../engine/types.js';
import type { Clock } from '../kit/clock.js';
import type { PruneReport } from '../session/prune-report.js';
import type { OverlayAnswer } from '../workspace/try-overlay.js';
import type { CanaryRun } from './canary.js';
import type { FileFacts, HostFiles } from './host-files.js';
import type { HostLoad } from './host-load.js';
import type { CheckStatus } from './report.js';

export type { FileFacts };

/** Who runs Paddock. */
export interface DoctorUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Places of ours, all absolute. */
export interface DoctorPaths {
  /** The user's home folder. */
  readonly home: string;
  readonly stateDir: string;
  /** `$XDG_RUNTIME_DIR`. */
  readonly runtimeDir: string;
  readonly auditLog: string;
  /** The built process 1 of the installation. */
  readonly init: string;
  /** Settings files in the order in which they count; those that don't exist are fine. */
  readonly settings: readonly string[];
  /** Folder of the installation: where `npm run build` works. */
  readonly installation: string;
}

/** Everything the checks look at or act through. Made by the command line tool or the server; no check reads the environment. */
export interface DoctorContext {
  /** The engine at hand, or why there is none. Not disposed by the doctor. */
  readonly engine: Engine | PaddockError;
  readonly sitePolicy: SitePolicy;
  readonly user: DoctorUser;
  readonly paths: DoctorPaths;
  /** How commands get into sandboxes, the folder of their channels, and the path of a control socket in it. */
  readonly commands: { readonly path: CommandPath; readonly folder: string; readonly socketPath: string };
  readonly files: HostFiles;
  /** By which means projects are to be shown copy-on-write, and whether the kernel puts overlays over folders beside the state folder. */
  readonly overlay: (signal: AbortSignal) => Promise<OverlayAnswer & { readonly way: CopyOnWriteWay }>;
  readonly clock: Clock;
  /** The anchor of the audit log, by its path, and what it says; absent where none is set. Reading: BAD_ARGUMENT where it can't be. */
  readonly anchor?: { readonly path: string; readonly read: () => Promise<Checkpoints> };
  /** What `prune` would remove: a dry run that does not wait for pending ones. */
  readonly stale: (signal: AbortSignal) => Promise<PruneReport>;
  /** Whether this process is in a container, whose files and network are not the host's. Default: no. */
  readonly isContained?: boolean;
  /** Starts, uses and ends one small sandbox; absent where that is not wanted. */
  readonly canary?: (signal: AbortSignal) => Promise<CanaryRun>;
  readonly load: () => Promise<HostLoad>;
  /** The AppArmor profile of sandboxes; `installed` is where an administrator puts it, by `installCommand`. */
  readonly apparmor: () => Promise<AppArmorState & { readonly installed: string; readonly installCommand: string }>;
  /** That of sessions with `seccomp = nested`. */
  readonly nestedAppArmor: DoctorContext['apparmor'];
  /** Names of the scanners of images that are installed. */
  readonly scanners: () => Promise<readonly string[]>;
  /** The last scan of every image that has been scanned. */
  readonly lastScans: () => Promise<readonly ImageScan[]>;
  /** The SELinux module of sandboxes. */
  readonly selinux: () => Promise<SelinuxState>;
}

/** What a check found. Everything but `pass` carries a remedy that works when typed. */
export interface Finding {
  readonly status: CheckStatus;
  readonly evidence: string;
  readonly remedy?: string;
  /** Where one check has several findings: what comes behind its id, `kernel-settings.dmesg_restrict`. */
  readonly part?: string;
  /** Where a part deserves a title of its own. */
  readonly title?: string;
}

/** One thing the doctor looks at. `run` may throw: that is reported as `unknown` with the reason. */
export interface DoctorCheck {
  readonly id: string;
  readonly title: string;
  /** Default 15 s. */
  readonly timeoutMs?: number;
  run(ctx: DoctorContext, signal: AbortSignal): Promise<Finding | readonly Finding[]>;
}

export const pass = (evidence: string): Finding => ({ status: 'pass', evidence });
export const warn = (evidence: string, remedy: string): Finding => ({ status: 'warn', evidence, remedy });
export const fail = (evidence: string, remedy: string): Finding => ({ status: 'fail', evidence, remedy });
export const unknown = (evidence: string, remedy: string): Finding => ({ status: 'unknown', evidence, remedy });

/** What a container shows of its own, where the check is about the host's. */
export function hostsOwn(what: string): Finding {
  return unknown(`from within a container ${what} can't be seen`, 'On the host, as the same user: `paddock doctor`');
}

/** The engine, or undefined: what needs one then says that it could not be looked at. */
export function engineOf(ctx: DoctorContext): Engine | undefined {
  return 'identity' in ctx.engine ? ctx.engine : undefined;
}

export const noEngine: Finding = unknown(
  'could not be looked at without an engine',
  'Follow the remedy of the check `engine`, then run `paddock doctor` again.',
);
