/** How long each part of the way out may take, in milliseconds. */
export interface EgressTimes {
  /** From a connection, or from the answer before, to the end of a request's headers or of a SOCKS request. */
  readonly requestMs: number;
  /** From the opening of a tunnel to the first bytes that tell what it carries. */
  readonly firstBytesMs: number;
  readonly lookupMs: number;
  /** To each address of a host. */
  readonly dialMs: number;
  /** For which a denied connection waits for a person. */
  readonly askMs: number;
  /** For which one that has been refused may read why. */
  readonly lingerMs: number;
  /** For which nothing goes through a connection, either way, before it is broken off: it holds one of the session's. */
  readonly idleMs: number;
}

export const usualTimes: EgressTimes = {
  requestMs: 30_000,
  firstBytesMs: 10_000,
  lookupMs: 10_000,
  dialMs: 10_000,
  askMs: 120_000,
  lingerMs: 2_000,
  idleMs: 15 * 60_000,
};
