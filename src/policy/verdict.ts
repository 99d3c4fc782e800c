import { PolicyDenied } from '../core/errors.js';
import type { SandboxSpec } from '../core/spec.js';
import { safeLine } from '../kit/safe-text.js';
import { type RuleId, rules } from './rules.js';

/** A refusal: the rule, what exactly it refused, and what to do next. */
export interface Denied {
  readonly verdict: 'deny';
  readonly ruleId: RuleId;
  readonly reason: string;
  readonly hint: string;
}

/** A request that may be carried out exactly as `spec` says. */
export interface CreateAllowed {
  readonly verdict: 'allow';
  readonly spec: SandboxSpec;
  /** The caller's name for the session; it names nothing in an engine. */
  readonly name?: string;
  /** What was decided differently from the letter of the request, in sentences for the caller. */
  readonly notes: readonly string[];
}

export type CreateVerdict = CreateAllowed | Denied;

/** Hears how policy judged, by which rule it refused, and how long that took. Must not throw. */
export type OnDecided = (verdict: 'allow' | 'deny', rule: string | undefined, durationMs: number) => void;

/** How rules refuse inside this room; `settle` turns it into a verdict before it leaves. */
class RuleRefusal extends Error {
  readonly denied: Denied;

  constructor(denied: Denied) {
    super(denied.reason);
    this.denied = denied;
  }
}

/** Refuses. `detail` may quote the caller; it is escaped and cut here. */
export function deny(ruleId: RuleId, detail: string, hint: string = rules[ruleId].hint): never {
  throw new RuleRefusal({ verdict: 'deny', ruleId, reason: safeLine(detail), hint: safeLine(hint) });
}

/** Runs one decision to its verdict. Only refusals are caught: anything else is a bug and stays one. */
export function settle<T>(decide: () => T): T | Denied {
  try {
    return decide();
  } catch (thrown) {
    if (thrown instanceof RuleRefusal) return thrown.denied;
    throw thrown;
  }
}

/** The error form of a refusal, for rooms that throw. */
export function toPolicyDenied(denied: Denied): PolicyDenied {
  return new PolicyDenied(denied.ruleId, denied.reason, { hint: denied.hint });
}
