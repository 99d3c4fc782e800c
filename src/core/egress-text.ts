import type { EgressRefusal, PublishedPort } from './egress.js';

/** As it was asked for: `api=8080`, or `8080`. */
export function portText({ port, name }: PublishedPort): string {
  return name === undefined ? String(port) : `${name}=${port}`;
}

/** One refusal in a line: what was blocked, how often, by which rule, and what would let it through. */
export function refusalLine({
  host,
  port,
  ruleId,
  hint,
  count,
  namedIn,
}: Pick<EgressRefusal, 'host' | 'port' | 'ruleId' | 'hint' | 'count' | 'namedIn'>): string {
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return `blocked: ${place}${count > 1 ? ` (${count} times)` : ''} [rule ${ruleId}]. ${refusalNext({ hint, namedIn })}`;
}

/** What to do next about it, and what the project says of the place. */
export function refusalNext({ hint, namedIn }: Pick<EgressRefusal, 'hint' | 'namedIn'>): string {
  return namedIn === undefined ? hint : `${hint} The project's ${namedIn} names it.`;
}
