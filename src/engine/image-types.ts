import type { Readable } from 'node:stream';

export interface ImageInfo {
  readonly id: string;
  readonly sizeBytes: number;
  /** `User` of the image's configuration, as text. */
  readonly user: string;
  readonly env: readonly string[];
  readonly volumes: readonly string[];
  readonly workdir: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Digests (`sha256:…`) of its uncompressed layers, lowest first. */
  readonly layers: readonly string[];
  /** Manifest annotations, which Podman before 4.5.1 passes to the OCI runtime. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** The archive of an image while it is read. The caller disposes it, which drops the connection. */
export interface ImageArchive extends AsyncDisposable {
  readonly tar: Readable;
}

/** One image in an engine's list. */
export interface ImageSummary {
  readonly id: string;
  /** Its names, tag included; none when it has lost them. */
  readonly references: readonly string[];
  readonly sizeBytes: number;
  readonly createdAtMs: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** A build by the engine's own builder. */
export interface BuildRequest {
  /** What the image is called, with a tag. */
  readonly reference: string;
  /** Plain tar with the container file and all that it copies; read once, destroyed when the call ends. */
  readonly context: Readable;
  /** The container file's path in it. */
  readonly containerfile: string;
  readonly target: string;
  readonly args: Readonly<Record<string, string>>;
  /**
   * What RUN steps can reach: nothing, or what the engine gives to a container of its own, which on rootless Podman 4 is also what
   * listens on the host's loopback.
   */
  readonly network: 'none' | 'engine';
  readonly timeoutMs: number;
  /** What builder and steps print, as it comes: foreign text, at most 1 MiB at once. */
  readonly onOutput: (text: string) => void;
}
