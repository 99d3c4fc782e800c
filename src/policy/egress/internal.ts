import { internalDomain, type PublishedPort } from '../../core/egress.js';
import { portText } from '../../core/egress-text.js';
import type { Denied } from '../verdict.js';
import { type Host, withPort } from './host.js';
import { refuse } from './refuse.js';

/** What is known of the session that a name below `.internal` stands for. */
export type SiblingFacts = { readonly ports: readonly PublishedPort[] } | 'ended' | 'elsewhere' | undefined;

/** Whether a name is a sibling's to answer for, in a session with network `internal`: none of these is ever resolved outside. */
export function isInternal(host: Host): boolean {
  return host.kind === 'name' && (host.text === internalDomain || host.text.endsWith(`.${internalDomain}`));
}

/** `web.internal`, and with the name of a port `api.web.internal`; undefined for what can be neither. */
export function readInternal(
  host: Host,
): { readonly session: string; readonly portName: string | undefined } | undefined {
  const labels = host.text.split('.').slice(0, -1);
  const session = labels.at(-1);
  if (session === undefined || labels.length > 2) return undefined;
  return { session, portName: labels.length === 2 ? labels[0] : undefined };
}

/** The port inside the sibling that a connection to `host:port` goes to. Denials: internal.*. */
export function decideInternal(
  host: Host,
  port: number,
  facts: SiblingFacts,
): { readonly verdict: 'allow'; readonly port: number } | Denied {
  const named = readInternal(host);
  if (named === undefined || facts === undefined) {
    return refuse('internal.session', `no session here is known as ${host.text}`);
  }
  const { session, portName } = named;
  if (facts === 'elsewhere') return refuse('internal.elsewhere', `another process holds the session ${session}`);
  if (facts === 'ended') return refuse('internal.ended', `the session ${session} has ended`);
  const published = facts.ports.find((one) => (portName === undefined ? one.port === port : one.name === portName));
  // By its name a port is reached as programs write it: without a number, or with its own.
  const isMeant = published !== undefined && (portName === undefined || [80, 443, published.port].includes(port));
  if (isMeant) return { verdict: 'allow', port: published.port };
  const what = facts.ports.map(portText).join(', ') || 'nothing';
  return refuse('internal.port', `${session} publishes ${what}, not ${withPort(host.text, port)}`);
}
