import { safeLine } from '../../kit/safe-text.js';
import { rules } from '../rules.js';
import type { Denied } from '../verdict.js';

/** Those that are raised while a session runs; the room `egress` raises them with what it has seen. */
export type EgressRuleId =
  | 'egress.rule'
  | 'egress.open'
  | 'egress.ceiling'
  | 'egress.host'
  | 'egress.host-name'
  | 'egress.brokered'
  | 'egress.address'
  | 'egress.server-name'
  | 'egress.protocol'
  | 'egress.request'
  | 'egress.command'
  | 'egress.limit'
  | 'internal.name-taken'
  | 'internal.session'
  | 'internal.elsewhere'
  | 'internal.ended'
  | 'internal.port';

/** A refusal as a value. `reason` may quote a sandbox; it is escaped and cut here. */
export function refuse(ruleId: EgressRuleId, reason: string, hint: string = rules[ruleId].hint): Denied {
  return { verdict: 'deny', ruleId, reason: safeLine(reason), hint: safeLine(hint) };
}
