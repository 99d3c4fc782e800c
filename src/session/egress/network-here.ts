import { networkInterfaces } from 'node:os';
import { SessionError } from '../../core/errors.js';
import type { BrokerRoute } from '../../egress/broker/types.js';
import { isLoopback } from '../../kit/loopback.js';
import { safeLine } from '../../kit/safe-text.js';
import { parseRule } from '../../policy/egress/rule.js';

interface WaysOut {
  /** Rules of the session's list. */
  readonly allow: readonly string[];
  readonly routes: readonly Pick<BrokerRoute, 'upstream'>[];
}

/**
 * Refuses a way out that begins in a container which was given no network: each connection would fail, and whoever waits for it would not know why.
 * What listens on that container's own loopback is reached all the same. A host without a network may get one any time; a container has
 * what it was started with. Errors: NETWORK_MISSING.
 */
export function refuseWithoutNetwork({ allow, routes }: WaysOut, interfaces = networkInterfaces): void {
  const all = Object.values(interfaces()).flatMap((one) => one ?? []);
  if (all.some(({ internal }) => !internal)) return;
  const hosts = routes.map(({ upstream }) => upstream.hostname.replace(/^\[(.+)\]$/, '$1'));
  const far = allow.find((text) => !staysHere(text)) ?? hosts.find((host) => !isLoopback(host));
  if (far === undefined) return;
  const place = safeLine(far, 100);
  throw new SessionError(
    'NETWORK_MISSING',
    `the container of the server has no network, so that ${place} can't be reached`,
  );
}

function staysHere(text: string): boolean {
  const reading = parseRule(text, { openAllowed: true });
  return (
    'rule' in reading && reading.rule.host.kind === 'network' && isLoopback(reading.rule.host.network.address.text)
  );
}
