import type { SitePolicy } from '../core/site-policy.js';
import type { CheckReport } from '../doctor/report.js';
import type { Clock } from '../kit/clock.js';
import type { Denials } from '../monitor/alarms/denials.js';
import type { Monitoring } from '../monitor/monitoring.js';
import type { AgentMeans } from '../session/agents/means.js';
import type { SessionChanges } from '../session/changes/session-changes.js';
import type { SessionCopies } from '../session/changes/session-copies.js';
import type { SessionReviews } from '../session/changes/session-reviews.js';
import type { Sessions } from '../session/sessions.js';
import type { RecordStore } from '../session/store.js';
import type { SessionTransfers } from '../session/transfers/session-transfers.js';

/** What the tools work with; made once per server, and per client where callers are told apart. */
export interface ToolServices {
  readonly sessions: Sessions;
  readonly store: RecordStore;
  readonly copies: SessionCopies;
  /** What sessions have written beside their projects. */
  readonly changes: SessionChanges;
  /** What sessions have changed beside their projects. */
  readonly reviews: SessionReviews;
  /** Copies files between sessions and the host, as far as the site's policy lets it. */
  readonly transfers: SessionTransfers;
  /** What the sessions use, and what is alarming about it. */
  readonly monitoring: Pick<Monitoring, 'stateOf'> & { readonly denials: Pick<Denials, 'add'> };
  /** What runs of agents need besides their session. */
  readonly agents: AgentMeans;
  readonly sitePolicy: SitePolicy;
  readonly clock: Clock;
  /** The server's working directory, the project of a caller who names none, if it passes the checks. */
  readonly defaultProject: string | undefined;
  readonly checkHost: (signal: AbortSignal) => Promise<CheckReport>;
}
