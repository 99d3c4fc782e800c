import type { AgentEvent, AgentId, AgentRequest, Provider } from '../../agents/types.js';
import type { SitePolicy } from '../../core/site-policy.js';
import type { Clock } from '../../kit/clock.js';
import type { Review } from '../../workspace/changes/change.js';
import type { SessionBroker } from '../broker/session-broker.js';
import type { Session } from '../session.js';

/** What a run is made of. */
export interface AskedRun {
  readonly agent: AgentId;
  readonly request: AgentRequest;
  /** Text such as `10m`, or seconds; default half an hour, or the policy's ceiling where that is less. */
  readonly timeout?: string | number;
  /** Hands the secrets in `request.mcpConfig` to everything in the sandbox. */
  readonly mcpSecretsAllowed: boolean;
  /** Told of everything new; must not throw. */
  readonly onEvents?: (events: readonly AgentEvent[]) => void;
}

/** What the credential broker of a session tells a run. */
export type RunBroker = Pick<SessionBroker, 'places' | 'placeholderKey' | 'usage'>;

export type AgentSession = Pick<Session, 'id' | 'start' | 'sandbox' | 'record' | 'agents' | 'ending'> & {
  ensureBroker(providers: readonly Provider[]): Promise<RunBroker>;
};

/** What all runs need besides their sessions. */
export interface AgentMeans {
  readonly sitePolicy: SitePolicy;
  readonly clock: Clock;
  /** PATH of the user on the host, where the host image's programs come from. */
  readonly hostPath: string;
  /** What the session of that id has changed beside its project. Errors: NO_SUCH_SESSION, those of `changesOf`. */
  readonly review: (id: string, signal: AbortSignal) => Promise<Review>;
}
