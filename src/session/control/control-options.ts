import type { AuditRecorder } from '../../audit/audit-log.js';
import type { SitePolicy } from '../../core/site-policy.js';
import type { SandboxSpec } from '../../core/spec.js';
import type { Clock } from '../../kit/clock.js';
import type { Denials } from '../../monitor/alarms/denials.js';
import type { SessionState } from '../../monitor/monitoring.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import type { SessionEgress } from '../egress/session-egress.js';
import type { Session } from '../session.js';
import type { UpdateReport } from '../update-report.js';

/** What visitors need of a session. */
export interface VisitedSession extends Pick<Session, 'id' | 'start' | 'commands' | 'ending' | 'isOpen'> {
  readonly egress?: Pick<SessionEgress, 'questions'> | undefined;
  readonly sandbox: Pick<Sandbox, 'alive' | 'usageByEngine'> & { readonly handle: { readonly spec: SandboxSpec } };
}

export interface ControlOptions {
  readonly session: VisitedSession;
  readonly sitePolicy: SitePolicy;
  /** Under the name that visitors' commands get in the audit log. */
  readonly audit: AuditRecorder;
  readonly clock: Clock;
  /** What its monitor knows of the session; absent where nothing watches it. */
  readonly usage?: () => SessionState | undefined;
  /** Counts what policy refuses to them; absent where nothing is watched. */
  readonly denials?: Pick<Denials, 'add'> | undefined;
  /** Changes times and limits of the session; no longer waits for room when the signal fires. */
  readonly update: (request: unknown, signal: AbortSignal) => Promise<UpdateReport>;
  /** Runs what a visitor asks for within a trace; absent: without. */
  readonly trace?: VisitTracing | undefined;
}

/** The operation is a word of ours. */
export type VisitTracing = <T>(operation: 'exec' | 'update' | 'approve', run: () => Promise<T>) => Promise<T>;
