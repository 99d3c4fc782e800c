import type { SitePolicy } from '../core/site-policy.js';
import { formatBytes, formatDuration } from '../core/units.js';
import { type RuleEntry, type RuleId, rules } from './rules.js';

/** One rule for people: `paddock` prints it beside a refusal. */
export function explainRule(id: string): (RuleEntry & { readonly id: RuleId }) | undefined {
  return Object.hasOwn(rules, id) ? { id: id as RuleId, ...rules[id as RuleId] } : undefined;
}

/** The site's policy in rows of name and value, units written out. */
export function explainPolicy(policy: SitePolicy): readonly { readonly name: string; readonly value: string }[] {
  const numbers = (group: string, values: object) =>
    Object.entries(values).map(([key, value]) => ({ name: `${group}.${key}`, value: shown(key, value) }));
  const { ceilings, defaults, ...others } = policy;
  return [
    ...numbers('ceilings', ceilings),
    ...numbers('defaults', defaults),
    ...Object.entries(others).map(([name, value]) => ({
      name,
      value: Array.isArray(value) ? value.join(', ') || 'none' : String(value),
    })),
  ];
}

function shown(key: string, value: unknown): string {
  if (typeof value !== 'number') return String(value);
  if (value === Number.MAX_SAFE_INTEGER) return 'not limited';
  if (key.endsWith('Bytes')) return formatBytes(value);
  return key.endsWith('Ms') ? formatDuration(value) : String(value);
}
