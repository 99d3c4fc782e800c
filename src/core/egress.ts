/** Where the ways out listen inside a sandbox, on 127.0.0.1. */
export const egressPorts = { http: 61128, socks: 61080, broker: 61200 } as const;

/** What one session may reach, and how much of it. */
export interface EgressSpec {
  /** Canonical texts of rules (`policy/egress/rule.ts`). Empty: nothing. */
  readonly allow: readonly string[];
  /** What the request listed, presets by name. Absent: not known any more. */
  readonly asked?: readonly string[] | undefined;
  /** At once, accepted inside. */
  readonly connections: number;
  /** Both ways together, in the whole life of the session. */
  readonly bytes: number;
  /** Both ways together; a second's worth may go at once. */
  readonly bytesPerSecond: number;
}

/** A port on 127.0.0.1 inside that siblings may connect to: as `SESSION.internal:PORT`, and by its name as `NAME.SESSION.internal`. */
export interface PublishedPort {
  readonly port: number;
  readonly name?: string | undefined;
}

/** Of all names below it in a session with network `internal`. */
export const internalDomain = 'internal';

/** How a sandbox asked: for a page (`http`), for a tunnel of the same proxy (`connect`), by SOCKS, or the credential broker. */
export const egressWays = ['http', 'connect', 'socks', 'broker'] as const;
export type EgressWay = (typeof egressWays)[number];

/** Something that was not let out, safe to be shown. */
export interface EgressRefusal {
  /** `egress.*` of `docs/policy.md`, `broker.*` of `docs/broker.md`. */
  readonly ruleId: string;
  /** Canonical, or escaped where it was no host; at most 253 characters. */
  readonly host: string;
  /** 0 where none was named. */
  readonly port: number;
  readonly via: EgressWay;
  readonly reason: string;
  readonly hint: string;
  /** Of the latest, milliseconds since the epoch. */
  readonly atMs: number;
  /** How often the same was refused. */
  readonly count: number;
  /** Names of the project's lock files that name the place, which is a reason to ask for it and no more. */
  readonly namedIn?: string | undefined;
}
