/** How much a sandbox may add to the disk: allocated bytes, and files and folders. */
export interface DiskLimits {
  readonly bytes: number;
  readonly inodes: number;
}

/** What it has added. */
export interface DiskUsage {
  readonly bytes: number;
  readonly inodes: number;
  readonly limits: DiskLimits;
  /** Epoch milliseconds. */
  readonly countedAtMs: number;
}
