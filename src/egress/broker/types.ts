import type { RouteCall } from '../../core/site-policy.js';
import type { Secret } from '../../kit/secret.js';
import type { Json, JsonObject } from '../../policy/json.js';

/** Something that a model call asks the provider to run or to fetch. */
export interface ServerTool {
  /** The name by which a route allows it: `web_search`, `url_source`, … */
  readonly name: string;
  /** Where in the body it stands, for the message. */
  readonly where: string;
}

/** What a judge read out of a model call. */
export interface ModelCall {
  /** What goes on: the body as it was parsed, and so what was judged. */
  readonly body: Json;
  readonly model: string | undefined;
  readonly serverTools: readonly ServerTool[];
  /** Whether it costs what the list says: no priority tier, no fast mode, no surcharge for a place. */
  readonly isListPriced: boolean;
  /** Tokens that its answer may have at most, as far as the call says. */
  readonly mostOutput: number;
}

/** Pure. Throws BrokerRefused (`broker.body`) on a shape that can not be judged. */
export type BodyJudge = (body: JsonObject, segments: readonly string[]) => ModelCall;

/** Tokens of one call or of many. */
export interface TokenCounts {
  /** Read by the model and not taken from a cache. */
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  /** Kept for five minutes by the provider, which is also what an unnamed time counts as. */
  readonly cacheWrite: number;
  /** Kept for an hour. */
  readonly cacheWriteLong: number;
}

/** Adds up what a provider says of usage in its messages: the events of a stream, or one whole answer. */
export interface UsageTally {
  add(message: Json): void;
  /** Undefined until the provider has said anything. `isFinal`: it has said all of it. */
  result(): { readonly counts: TokenCounts; readonly isFinal: boolean } | undefined;
}

/** One thing that may be asked of a provider. */
export interface Endpoint {
  readonly method: RouteCall['method'];
  /** Segments below the prefix: a text, or what the decoded segment must match (anchored). */
  readonly path: readonly (string | RegExp)[];
  /** Query parameters that go on, and what their values must match (anchored). Others are refused. */
  readonly query?: Readonly<Record<string, RegExp>>;
  /** Those of them that have to be there. */
  readonly neededQuery?: readonly string[];
  /** `stream`: passed on as it comes; a judge: read whole, judged and written anew. */
  readonly body: 'none' | 'stream' | BodyJudge;
  /** Where answers say what was used; absent: the endpoint uses no tokens. */
  readonly newTally?: () => UsageTally;
  /** It changes something there: the audit log is told of each place where that is done. */
  readonly writes?: true;
  /** Refuses what its rule shuts (`broker.push`), so that the message says more than that there is no path. */
  readonly refusal?: 'broker.push' | 'broker.repository';
}

/** A request as it leaves for the provider. */
export interface Outgoing {
  readonly method: RouteCall['method'];
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Absent when it is passed on as it comes. */
  readonly body: Buffer | undefined;
}

export interface Authenticated {
  readonly headers: Readonly<Record<string, string>>;
  /** What must not come back in an answer. */
  readonly secrets: readonly Secret[];
  /** Names the key in usage. */
  readonly fingerprint: string;
}

/** Puts the real key on a request. Throws BrokerRefused (`broker.key`) when it can't be had. */
export type Authenticate = (outgoing: Outgoing, signal: AbortSignal) => Promise<Authenticated>;

export interface BrokerRoute {
  readonly id: string;
  /** Leading segments of its paths inside: `['anthropic']`, `['git', 'HOST']`. */
  readonly prefix: readonly string[];
  /** https, or http on loopback; its path stands before each path. */
  readonly upstream: URL;
  /** Authorities in PEM that are trusted there, in place of the broker's. */
  readonly ca?: string | undefined;
  /** Of AWS, for which requests are signed. */
  readonly region?: string;
  readonly endpoints: readonly Endpoint[];
  /** How colons stand in paths that go out; in clear unless it says otherwise. */
  readonly colons?: 'encoded';
  /** Names of request headers, in lower case, that go on besides those that every route passes. */
  readonly headers: readonly string[];
  readonly authenticate: Authenticate;
  /** Server tools that are let through. */
  readonly serverTools: readonly string[];
  /** `text` for git, which shows plain text to people; JSON otherwise. */
  readonly refusals: 'json' | 'text';
}
