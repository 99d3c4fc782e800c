import type { ProviderId } from './providers.js';
import type { Ceilings } from './site-policy.js';

/** A fifth of what all may by the built-in policy: one key does not take the room of the others. */
export const usualKeptBytes = 10 * 1024 ** 3;

/** What the holder of an API key may ask for at most, within the site's policy: never more than that, however it changes. */
export interface KeyCeiling {
  /** Folders under which projects and host paths may lie; empty: none may be named. */
  readonly roots: readonly string[];
  readonly readWriteAllowed: boolean;
  /** The only profile there is for it; absent: those of the site. */
  readonly profile?: string | undefined;
  /** What its sandboxes may reach, canonical as in `EgressCeiling`; empty: nothing. */
  readonly allow: readonly string[];
  /** Whose models they may call with keys of the operator or their own; empty: nobody's. */
  readonly providers: readonly ProviderId[];
  /** Disk space that the kept changes of its ended sessions may take, and its snapshots once more; absent: `usualKeptBytes`. */
  readonly keptBytes?: number | undefined;
  readonly ceilings: { readonly [K in keyof Ceilings]?: number | undefined };
}

/** How much of the server the holder of a key may take. */
export interface KeyQuota {
  readonly callsPerMinute: number;
  readonly createsPerHour: number;
  /** At once. */
  readonly sessions: number;
  /** Of all its sessions within a day; absent: as much as its sessions' own limits let it. */
  readonly cpuMsPerDay?: number | undefined;
  /** Bytes both ways, the same. */
  readonly egressBytesPerDay?: number | undefined;
}

/** Where nothing is said of it. */
export const usualQuota = { callsPerMinute: 600, createsPerHour: 60, sessions: 4 } as const satisfies KeyQuota;
