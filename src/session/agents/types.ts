import type { AgentId, AgentResult } from '../../agents/types.js';
import type { EgressRefusal } from '../../core/egress.js';
import type { PaddockError } from '../../core/errors.js';
import type { SessionCommand } from '../session-command.js';

export type Refusal = Pick<EgressRefusal, 'host' | 'port' | 'ruleId' | 'hint' | 'count'>;

export interface RunUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens?: number;
  /** US dollars; absent where a price is not known. */
  readonly costUsd?: number;
  /** `broker`: what the provider said, counted outside; `agent`: what the agent claims. */
  readonly countedBy: 'broker' | 'agent';
}

/** Files of the workspace that are not as they were before the run, whoever changed them. */
export type ChangedFiles =
  | { readonly paths: readonly string[]; readonly total: number; readonly isComplete: boolean }
  | { readonly unknown: string };

/** What a run came to. */
export interface AgentReport extends Omit<AgentResult, 'usage'> {
  readonly agent: AgentId;
  /** The exit code of the agent's command. */
  readonly exitCode: number;
  readonly changedFiles: ChangedFiles;
  readonly usage?: RunUsage;
  readonly blockedHosts: readonly Refusal[];
  /** What neither says: that its programs looked for a way out where there is none, or why the session's disk ended it. */
  readonly note?: string;
}

/** An agent at work, or done: its command's id is its handle. */
export interface AgentRun {
  readonly agent: AgentId;
  readonly entry: SessionCommand;
  /** The latest of what it does, as one line each. */
  readonly doing: readonly string[];
  /** How much it has done so far: lines told, ever. */
  readonly told: number;
  /** Resolves, never rejects, when the report is there. */
  readonly settled: Promise<void>;
  /** Set when `settled` resolves. */
  readonly outcome?: { readonly report: AgentReport } | { readonly error: PaddockError };
}
