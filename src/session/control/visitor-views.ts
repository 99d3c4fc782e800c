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

/** What its monitor knows of a session; `state` is absent where nothing watches it. */
export function usageAnswerOf(isAlive: boolean, state: SessionState | undefined): HolderMessage {
  const { alarms, ...rest } = state ?? {};
  return { say: 'usage', isAlive, ...rest, ...(alarms === undefined ? {} : { alarms: [...alarms] }) };
}
