import type { SessionState } from '../../monitor/monitoring.js';
import type { SessionCommand } from '../session-command.js';
import type { HeldCommand, HolderMessage } from './messages.js';

/** A command as visitors are shown it: its line is cut, which may be of any length. */
export function viewOf({ id, argv, startedAtMs, outcome }: SessionCommand): HeldCommand {
  const base = { commandId: id, argv: argv.slice(0, 16).map((word) => word.slice(0, 120)), startedAtMs };
  if (outcome === undefined) return { ...base, state: 'running' };
  if ('error' in outcome) return { ...base, state: 'failed' };
  return { ...base, state: 'finished', exitCode: outcome.result.exitCode, reason: outcome.result.reason };
}

/** What is known of what a session uses. */
export function usageAnswerOf(isAlive: boolean, { alarms, ...rest }: Partial<SessionState>): HolderMessage {
  return { say: 'usage', isAlive, ...rest, ...(alarms === undefined ? {} : { alarms: [...alarms] }) };
}
