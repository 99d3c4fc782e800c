import type { AgentExec, StopReason } from './types.js';

/** How a run ended. */
export interface Outcome {
  readonly isGood: boolean;
  readonly stopReason: StopReason;
  readonly message?: string;
  readonly httpStatus?: number;
}

export const hadItsTurns: Outcome = {
  isGood: false,
  stopReason: 'max-turns',
  message: 'the model has had the turns that it was given',
};

export interface Ending {
  readonly exec: AgentExec;
  /** What the agent itself says. */
  readonly outcome: Outcome | undefined;
  /** The last it told of trouble with its provider. */
  readonly trouble: Outcome | undefined;
  /** What of its output could not be read. */
  readonly unread: string;
  /** Why the caller ended the command, if that is how it ended. */
  readonly wantedEnd: StopReason | undefined;
}

/** The supervisor's word on the end comes before the agent's, and a bad exit code before its good word. */
export function judge(ending: Ending): Outcome {
  const { exec, outcome, trouble, wantedEnd } = ending;
  if (exec.reason === 'aborted' && wantedEnd === 'max-turns') return hadItsTurns;
  if (exec.reason === 'aborted' && wantedEnd !== undefined && trouble !== undefined) return trouble;
  if (exec.reason !== 'exited') {
    const before = outcome?.isGood === false ? outcome : trouble;
    const message = joined([
      `the agent's command ended with ${exec.reason}`,
      before?.message && `before: ${before.message}`,
    ]);
    return { isGood: false, stopReason: exec.reason, message };
  }
  if (outcome?.isGood === false) return outcome;
  const isClean = exec.exitCode === 0 && exec.signal === undefined;
  if (outcome !== undefined && isClean) return outcome;
  if (outcome === undefined && trouble !== undefined) return trouble;
  const wrote = exec.stderrTail.trim().slice(-1000);
  const status = exec.signal === undefined ? `exit code ${exec.exitCode}` : `signal ${exec.signal}`;
  const how = isClean ? 'the agent ended without a result' : `the agent ended with ${status}`;
  const message = joined([how, ending.unread, wrote && `it wrote: ${wrote}`]);
  return { isGood: false, stopReason: isClean ? 'no-result' : 'agent-error', message };
}

function joined(parts: readonly (string | undefined)[]): string {
  return parts.filter(Boolean).join('; ');
}
