/** Bounds of one broker, that is of one session. */
export interface BrokerLimits {
  /** Connections from inside at once; further ones are closed. */
  readonly connections: number;
  /** Requests to providers at once. */
  readonly requests: number;
  /** A request's head, in bytes. */
  readonly headBytes: number;
  /** From the connection, or the last answer on it, until a head is there. */
  readonly headMs: number;
  readonly idleMs: number;
  /** A model call's body: read whole and parsed. What takes room in one is images, as strings, which is quick. */
  readonly bodyBytes: number;
  /** Lists, objects and items in it: what makes parsing and judging slow, for every session at once. */
  readonly bodyItems: number;
  /** Bodies that are held at once, in bytes (parsed and written anew they take several times that), and until one is there. */
  readonly heldBytes: number;
  readonly bodyMs: number;
  /** A body that is passed on as it comes, such as a push. */
  readonly streamBytes: number;
  /** Until a connection to the provider stands. */
  readonly connectMs: number;
  /** From the request until the head of the answer: a model that thinks without a stream takes minutes. */
  readonly answerMs: number;
  /** Without a byte of the answer that goes on: from the provider, or to a reader inside that does not read. */
  readonly stallMs: number;
}

export const defaultLimits: BrokerLimits = {
  connections: 64,
  requests: 16,
  headBytes: 32 * 1024,
  headMs: 10_000,
  idleMs: 60_000,
  bodyBytes: 32 * 1024 * 1024,
  bodyItems: 200_000,
  // One as large as may be, and small ones beside it.
  heldBytes: 40 * 1024 * 1024,
  bodyMs: 60_000,
  streamBytes: 512 * 1024 * 1024,
  connectMs: 10_000,
  answerMs: 600_000,
  stallMs: 300_000,
};
