import type { AlarmThresholds } from './alarm-thresholds.js';
import type { Requirement } from './evidence.js';
import type { ImageRules } from './image-scan.js';
import type { ProviderId } from './providers.js';
import type { NetworkMode, SeccompVariant, WorkspaceMode } from './spec.js';

/** The most that any request may ask for; numbers in the units of their names. */
export interface Ceilings {
  readonly memoryBytes: number;
  readonly cpuMillis: number;
  readonly cpuShares: number;
  readonly pids: number;
  readonly nofile: number;
  readonly fsizeBytes: number;
  readonly shmBytes: number;
  /** All tmpfs of one sandbox together. */
  readonly tmpfsBytes: number;
  /** Growth of everything that one sandbox can write on the disk: allocated bytes, and files and folders. */
  readonly diskBytes: number;
  readonly diskInodes: number;
  readonly lifetimeMs: number;
  readonly idleTimeoutMs: number;
  readonly timeoutMs: number;
  readonly keepChangesMs: number;
  /** Of one session to the outside: connections at once, bytes both ways in its whole life, and bytes a second both ways. */
  readonly egressConnections: number;
  readonly egressBytes: number;
  readonly egressBytesPerSecond: number;
}

/** What a request gets when it says nothing. */
export interface Defaults {
  readonly memoryBytes: number;
  readonly cpuMillis: number;
  readonly pids: number;
  readonly nofile: number;
  readonly shmBytes: number;
  readonly tmpBytes: number;
  readonly homeBytes: number;
  readonly diskBytes: number;
  readonly diskInodes: number;
  readonly lifetimeMs: number;
  readonly idleTimeoutMs: number;
  readonly timeoutMs: number;
  /** How long what a session has written beside its project is kept after its end. */
  readonly keepChangesMs: number;
  readonly workspace: WorkspaceMode;
  readonly seccomp: SeccompVariant;
  readonly network: NetworkMode;
  /** Name of the profile of a request that names none. */
  readonly profile: string;
}

/** What sandboxes may reach at most: canonical rules and `preset:NAME` (docs/network.md). */
export interface EgressCeiling {
  /** What a request may list; empty: no sandbox reaches anything. */
  readonly allow: readonly string[];
  /** What a person may be asked to let through while a command waits for it; empty: nobody is asked. */
  readonly ask: readonly string[];
  /** What a person has approved for always, within the two lists; every session with an allowlist may reach it. */
  readonly approved: readonly string[];
}

/** Where a token comes from, and to whom it goes; no secret. One of `token` and `tokenFile` is there. */
interface TokenUse {
  /** The name of a variable: of this process's environment, or of the key file. */
  readonly token?: string;
  /** A file that holds the token and nothing else; `~` has been expanded. */
  readonly tokenFile?: string;
  /** Authorities (PEM) that are trusted there in place of the usual ones. */
  readonly caFile?: string;
}

/** How a session that asks for it reaches one git host over https. */
export interface GitHostRule extends TokenUse {
  /** Goes with the token; absent: one that most hosts take. */
  readonly user?: string;
  /** Where the host really is; absent: https by its name. */
  readonly upstream?: string;
  /** `owner/name`, `owner/*`, `group/**`, `**`. */
  readonly repositories: readonly string[];
  readonly push: boolean;
}

/** What may be asked over a route of the site's own. */
export interface RouteCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `*` is one segment. */
  readonly path: string;
}

/** A route of the site's own: somebody's API, with a token that is outside. */
export interface RouteRule extends TokenUse {
  readonly upstream: string;
  /** The header that holds the token, in lower case, and what stands before it. */
  readonly header: string;
  readonly prefix: string;
  readonly allow: readonly RouteCall[];
  /** Request headers that go on besides the usual ones. */
  readonly passHeaders: readonly string[];
}

/** What the credential broker may be used for, and how much of it by one session (docs/broker.md). */
export interface BrokerRules {
  /** Whose models sandboxes may call; empty: nobody's. */
  readonly providers: readonly ProviderId[];
  /** Whether keys are looked for in this process's environment, and where AWS's tools look. Those of arguments and the key file may be used anyway. */
  readonly environment: boolean;
  /** Tools that may run at the provider's side: `web_search`, … */
  readonly serverTools: readonly string[];
  /** By the host as it stands in the URLs of repositories: `github.com`, `code.example:8443`. */
  readonly git: Readonly<Record<string, GitHostRule>>;
  /** By name. */
  readonly routes: Readonly<Record<string, RouteRule>>;
  /** Of one session; absent: no cap. */
  readonly requests?: number;
  readonly tokens?: number;
  /** US cents. */
  readonly costCents?: number;
  /** Of bodies to and from providers, git hosts and routes. */
  readonly bytes: number;
}

/** When there is room for one more session, in the user's processes all together. */
export interface AdmissionRules {
  /** Sessions of one user. */
  readonly userSessions: number;
  /** Their memory limits added up, in percent of the memory that the host, or the user's cgroup, has: limits are no reservations. */
  readonly memoryPercent: number;
  /** Their CPU limits added up, in percent of the processors. */
  readonly cpuPercent: number;
  /** Memory that must be available on the host. */
  readonly freeMemoryBytes: number;
  /** How long a session that finds no room waits for it. */
  readonly waitMs: number;
  /** How many may wait in one process, of each key. */
  readonly waiting: number;
  /** Disk space that the kept changes of ended sessions may take before no further copy-on-write session is let in. */
  readonly keptBytes: number;
  /** How much of that may be of the one API key that this policy is for, and its snapshots may take as much; absent: it is for no key. */
  readonly ownKeptBytes?: number | undefined;
}

/**
 * The site's rules: `/etc/paddock/policy.toml` over the built-in floor. Everything here is a ceiling; nothing that
 * comes later (user settings, environment, flags, requests) can loosen it.
 */
export interface SitePolicy {
  readonly ceilings: Ceilings;
  readonly defaults: Defaults;
  /** Folders under which projects and mounts may lie; `~` has been expanded. Empty: nothing may be mounted. */
  readonly allowedRoots: readonly string[];
  /** Whether `rw` workspaces are allowed at all. */
  readonly readWriteAllowed: boolean;
  /** Image references that may be used besides `host`: exact, or with one trailing `*`. */
  readonly images: readonly string[];
  readonly imageRules: ImageRules;
  readonly pullAllowed: boolean;
  /** Host folders that the host image may show read-only besides /usr. */
  readonly hostFolders: readonly string[];
  readonly require: readonly Requirement[];
  /** System call filters that may be asked for besides `default`. */
  readonly seccomp: readonly SeccompVariant[];
  /** Network modes that may be asked for besides `none`. */
  readonly networks: readonly NetworkMode[];
  readonly egress: EgressCeiling;
  readonly broker: BrokerRules;
  /** Names of profiles that may be asked for: exact, or with one trailing `*`. */
  readonly profiles: readonly string[];
  /** Sessions of one process. */
  readonly maxSessions: number;
  readonly admission: AdmissionRules;
  readonly rootfulAllowed: boolean;
  readonly tcpAllowed: boolean;
  /** Whether what process 1 reports of itself is evidence enough where it can't be seen: for a server in a container. */
  readonly initReportAccepted: boolean;
  /** Engine versions below the known-good floor are an error instead of a warning. */
  readonly versionFloorRequired: boolean;
  /** A server for others begins nothing while its canary has not passed. */
  readonly canaryRequired: boolean;
  readonly alarms: AlarmThresholds;
  /** Places in projects that are withheld when changes are applied, besides those that always are (docs/withheld.md). */
  readonly withhold: readonly string[];
}
