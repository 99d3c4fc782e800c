import type { Readable, Writable } from 'node:stream';
import type { BuildRequest, ImageArchive, ImageInfo, ImageSummary } from './image-types.js';

export type EngineKind = 'podman' | 'docker';

/** Who answers behind the socket, as `/_ping` and the way we got there say. */
export interface EngineIdentity {
  readonly kind: EngineKind;
  /** Upstream version, for example `4.3.1`. */
  readonly version: string;
  /** Absolute path of the Unix socket. */
  readonly socketPath: string;
  /** How it was found: `CONTAINER_HOST`, `DOCKER_HOST`, `podman.sock`, `docker.sock`, `started`. */
  readonly origin: string;
  /** Whether this process started the service and will end it. */
  readonly startedByUs: boolean;
}

/** What an engine says of its host. Slow on Podman (0.4 s): read once per process and kept. */
export interface EngineInfo {
  readonly rootless: boolean;
  readonly cgroupVersion: 1 | 2 | undefined;
  readonly cgroupManager: string;
  /** Controllers the engine may use; undefined where it does not say (Docker), then the `*Limit` flags count. */
  readonly cgroupControllers: readonly string[] | undefined;
  readonly memoryLimit: boolean;
  readonly cpuLimit: boolean;
  readonly pidsLimit: boolean;
  readonly seccomp: boolean;
  readonly apparmor: boolean;
  readonly selinux: boolean;
  readonly storageDriver: string;
  readonly ociRuntime: { readonly name: string; readonly version: string };
  /** conmon, rootlesskit and what else the engine lists, for `doctor`. */
  readonly components: readonly { readonly name: string; readonly version: string }[];
}

export interface ContainerSummary {
  readonly id: string;
  readonly names: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly state: string;
  readonly createdAtMs: number;
}

export interface ContainerState {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly running: boolean;
  /** Process id of process 1 on the host; 0 when not running. */
  readonly pid: number;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** What of the host was mounted into it, as far as it has a path there. */
  readonly binds?: readonly BoundFolder[];
  /** Id of the image it was made from. */
  readonly imageId: string;
  /** The engine's own account of what it set, for evidence. */
  readonly claims: ContainerClaims;
}

/** A path of the host, as the engine was told it, and where it is inside. */
export interface BoundFolder {
  readonly source: string;
  readonly target: string;
}

/** What the engine says it set; absent where it does not say. */
export interface ContainerClaims {
  readonly readOnlyRoot?: boolean;
  readonly networkMode?: string;
  readonly memoryBytes?: number;
  readonly memorySwapBytes?: number;
  readonly nanoCpus?: number;
  readonly cpuQuota?: number;
  readonly cpuPeriod?: number;
  readonly cpuShares?: number;
  readonly pids?: number;
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly effectiveCaps?: readonly string[];
  readonly securityOpt?: readonly string[];
  readonly usernsMode?: string;
  readonly privileged?: boolean;
}

export interface ExecOptions {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Numeric `uid:gid`; absent: the container's own user. */
  readonly user?: string;
  readonly tty: boolean;
  readonly stdin: boolean;
}

/**
 * The streams of a running exec, or of process 1. The caller must consume `stdout` and `stderr` (they push back on the engine when not
 * read) and end `stdin`. `closed` resolves when the engine has closed the connection, after both outputs ended, and
 * rejects with an EngineError when the stream broke or carried malformed frames. Disposing drops the connection; it
 * does not end the process (no engine does).
 */
export interface ExecStreams extends AsyncDisposable {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly closed: Promise<void>;
}

export interface ExecState {
  readonly running: boolean;
  /** Undefined while it runs. */
  readonly exitCode: number | undefined;
  /** Host process id of the exec's first process; 0 when not known (Docker: not yet, for a moment). Never signal 0: that is the caller's own process group. */
  readonly pid: number;
}

/** What an engine says that a container uses; absent where it does not say, or says zero, which is the same to Podman. */
export interface ContainerStats {
  readonly memoryBytes?: number;
  /** Since its start. */
  readonly cpuUs?: number;
  readonly pids?: number;
}

export interface EventsOptions {
  /** Milliseconds since the epoch. Engines are asked for whole seconds: what was in the same one comes as well. */
  readonly sinceMs?: number;
  readonly onUnreadable?: () => void;
}

export interface EngineEvent {
  readonly action: string;
  readonly containerId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly timeMs: number;
}

/**
 * The REST client of one engine: Podman's libpod paths where the Docker-compatible ones can't say it, else `/v1.41`.
 * Every call takes a signal and has a deadline of its own; idempotent calls are repeated once when a kept connection
 * had died. Errors are EngineError with the engine's status in `info.status` and its words, capped and escaped, in the
 * message: ENGINE_UNAVAILABLE, ENGINE_TIMEOUT, ENGINE_PROTOCOL, ENGINE_NOT_FOUND (404), ENGINE_CONFLICT (409),
 * IMAGE_NOT_FOUND, ENGINE_FAILED (any other), INTERRUPTED (the signal). Disposing closes the connections and ends the
 * service if this process started it.
 */
export interface Engine extends AsyncDisposable {
  readonly identity: EngineIdentity;
  info(signal?: AbortSignal): Promise<EngineInfo>;
  ping(signal?: AbortSignal): Promise<void>;
  /** `body` is the complete request of the kind of this engine: libpod SpecGenerator on Podman, Docker's create on Docker. */
  createContainer(
    name: string,
    body: Readonly<Record<string, unknown>>,
    signal?: AbortSignal,
  ): Promise<{ readonly id: string; readonly warnings: readonly string[] }>;
  startContainer(id: string, signal?: AbortSignal): Promise<void>;
  /**
   * Changes the limits of a running container. `body` is the complete request of the kind of this engine: the OCI resources on
   * Podman (4.3 and newer), Docker's update on Docker. What came of it only the kernel tells.
   */
  updateContainer(id: string, body: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<void>;
  inspectContainer(id: string, signal?: AbortSignal): Promise<ContainerState>;
  /** Numbers of this moment, nothing that takes two. */
  containerStats(id: string, signal?: AbortSignal): Promise<ContainerStats>;
  /** All containers, running or not, that carry every one of the labels (`key=value` or `key`). */
  listContainers(labelFilters: readonly string[], signal?: AbortSignal): Promise<readonly ContainerSummary[]>;
  killContainer(id: string, signalName: string, signal?: AbortSignal): Promise<void>;
  /** Kills and removes with anonymous volumes; resolves to false when it was not there. */
  removeContainer(id: string, signal?: AbortSignal): Promise<boolean>;
  createExec(containerId: string, options: ExecOptions, signal?: AbortSignal): Promise<string>;
  startExec(execId: string, options: { readonly tty: boolean }, signal?: AbortSignal): Promise<ExecStreams>;
  /** Tells the terminal of an exec its size. */
  resizeExec(execId: string, size: { readonly rows: number; readonly columns: number }): Promise<void>;
  /** The standard streams of a container's process 1; asked for before the start, so that nothing is missed. */
  attachContainer(id: string, signal?: AbortSignal): Promise<ExecStreams>;
  inspectExec(execId: string, signal?: AbortSignal): Promise<ExecState>;
  /** Undefined when the engine does not have it. Never pulls. */
  inspectImage(reference: string, signal?: AbortSignal): Promise<ImageInfo | undefined>;
  /** Imports a plain, uncompressed tar as the single layer of an image with that name; returns its id. */
  importImage(reference: string, tar: Readable, signal?: AbortSignal): Promise<string>;
  pullImage(reference: string, signal?: AbortSignal): Promise<void>;
  /** An image as one archive, in the form of `docker save`; of that id, whatever names point to. */
  saveImage(id: string, signal?: AbortSignal): Promise<ImageArchive>;
  removeImage(reference: string, signal?: AbortSignal): Promise<boolean>;
  /** Images with a label (`key=value` or `key`), those that have lost their name too. */
  listImages(labelFilter: string, signal?: AbortSignal): Promise<readonly ImageSummary[]>;
  /**
   * Builds an image and returns its id. The base has to be there: what is missing an engine would pull. Throws IMAGE_BUILD_FAILED
   * when a step fails. The signal ends the call at once; the step that runs is ended with it by Docker, while Podman lets it come
   * to its end and begins no other.
   */
  buildImage(request: BuildRequest, signal?: AbortSignal): Promise<string>;
  /** Removes images with that label that have neither name, nor container, nor image on top of them. */
  pruneImages(labelFilter: string, signal?: AbortSignal): Promise<void>;
  /**
   * Container events from now on, or from `sinceMs` on where the engine still knows them, until the signal fires; ends by itself when the
   * connection breaks. What can't be read is left out, and `onUnreadable` told.
   */
  events(labelFilters: readonly string[], signal: AbortSignal, options?: EventsOptions): AsyncIterable<EngineEvent>;
}
