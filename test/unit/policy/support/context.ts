import { builtInPolicy } from '../../../../src/config/built-in-policy.js';
import type { SitePolicy } from '../../../../src/core/site-policy.js';
import type { SandboxSpec } from '../../../../src/core/spec.js';
import { type CreateContext, decideCreate } from '../../../../src/policy/create.js';
import type { RuleId } from '../../../../src/policy/rules.js';
import type { CreateAllowed } from '../../../../src/policy/verdict.js';

export const gib = 1024 ** 3;
export const mib = 1024 ** 2;

export const homeDir = '/home/ada';

export function context(changes: Partial<SitePolicy> = {}): CreateContext {
  return {
    sitePolicy: { ...builtInPolicy(homeDir), ...changes },
    host: { homeDir, hostMemoryBytes: 16 * gib, cpuCount: 8 },
  };
}

/** The allowed plan of a request, or an error that shows why not. */
export function allowed(request: unknown, changes: Partial<SitePolicy> = {}): CreateAllowed {
  const verdict = decideCreate(request, context(changes));
  if (verdict.verdict === 'deny') throw new Error(`denied by ${verdict.ruleId}: ${verdict.reason}`);
  return verdict;
}

export function specOf(request: unknown, changes: Partial<SitePolicy> = {}): SandboxSpec {
  return allowed(request, changes).spec;
}

/** The rule that refuses a request, or `allow`. */
export function ruleOf(request: unknown, changes: Partial<SitePolicy> = {}): RuleId | 'allow' {
  const verdict = decideCreate(request, context(changes));
  return verdict.verdict === 'deny' ? verdict.ruleId : 'allow';
}

export function dockerRule(dockerOpts: unknown): RuleId | 'allow' {
  return ruleOf({ dockerOpts });
}
