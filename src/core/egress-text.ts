import type { EgressRefusal } from './egress.js';

/** One refusal in a line: what was blocked, how often, by which rule, and what would let it through. */
export function refusalLine({
  host,
  port,
  ruleId,
  hint,
  count,
}: Pick<EgressRefusal, 'host' | 'port' | 'ruleId' | 'hint' | 'count'>): string {
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return `blocked: ${place}${count > 1 ? ` (${count} times)` : ''} [rule ${ruleId}]. ${hint}`;
}
