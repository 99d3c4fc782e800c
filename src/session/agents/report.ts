import type { AgentId, AgentResult } from '../../agents/types.js';
import type { ExecResult } from '../../core/exec.js';
import type { BrokerUsage } from '../../egress/broker/ledger.js';
import type { RunBroker } from './means.js';
import type { AgentReport, ChangedFiles, RunUsage } from './types.js';

const mostRefused = 20;

interface Parts {
  readonly agent: AgentId;
  /** What the agent says of itself. */
  readonly said: AgentResult;
  readonly result: ExecResult;
  /** What the broker counted; undefined: nothing. */
  readonly usage: RunUsage | undefined;
  readonly changedFiles: ChangedFiles;
}

/** What was counted outside stands before what the agent claims. */
export function reportOf({ agent, said, result, usage, changedFiles }: Parts): AgentReport {
  const { usage: claimed, ...rest } = said;
  const { note, blocked = [] } = result;
  const used = usage ?? (claimed === undefined ? undefined : { ...claimed, countedBy: 'agent' as const });
  return {
    ...rest,
    ...{ agent, exitCode: result.exitCode, changedFiles },
    ...(used === undefined ? {} : { usage: used }),
    ...(note === undefined ? {} : { note }),
    blockedHosts: blocked.slice(-mostRefused),
  };
}

/** What a session had used when a run began: its broker counts for the whole session. */
export class UsageMark {
  readonly #broker: RunBroker;
  readonly #before: BrokerUsage;

  constructor(broker: RunBroker) {
    this.#broker = broker;
    this.#before = broker.usage();
  }

  since(): RunUsage | undefined {
    const [before, now] = [this.#before, this.#broker.usage()];
    if (now.requests === before.requests) return undefined;
    const more = (kind: keyof BrokerUsage['tokens']) => now.tokens[kind] - before.tokens[kind];
    return {
      inputTokens: more('input') + more('cacheWrite') + more('cacheWriteLong'),
      outputTokens: more('output'),
      cacheReadTokens: more('cacheRead'),
      // A sum that lacks something would pass for the cost.
      ...(now.unpriced > before.unpriced ? {} : { costUsd: now.costUsd - before.costUsd }),
      countedBy: 'broker',
    };
  }
}
