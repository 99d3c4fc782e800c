/** CPU weight of a sandbox that asks for none: Docker's and Podman's own. */
export const normalCpuShares = 1024;

/** Caps of one sandbox. The kernel is asked to hold them; those of the disk are a budget that Paddock holds (docs/limits.md). */
export interface Limits {
  /** Memory, in bytes; swap is always off (memory+swap equals memory). */
  readonly memoryBytes: number;
  /** CPU time in thousandths of a core: 1500 is one and a half cores. */
  readonly cpuMillis: number;
  /** Relative CPU weight as Docker's CpuShares (2 – 262144, 1024 is normal). */
  readonly cpuShares: number;
  /** Processes and threads. */
  readonly pids: number;
  /** Open files per process. */
  readonly nofile: number;
  /** Core dump size, in bytes; 0 means none. */
  readonly coreBytes: number;
  /** Largest single file a process may write, in bytes; undefined: not limited. */
  readonly fsizeBytes?: number;
  /** The most that `fsizeBytes` can be made while the sandbox runs; absent: it can't be changed. */
  readonly fsizeMostBytes?: number;
  /** How much what it can write on the host's disk may grow, in allocated bytes; absent: not watched, in records of older versions. */
  readonly diskBytes?: number;
  /** The same in files and folders. */
  readonly diskInodes?: number;
}
