import { classOf } from './address.js';
import type { Host } from './host.js';
import { contains, covers, isOneAddress } from './network.js';
import type { EgressRule, Endpoint, HostPattern } from './rule.js';

/** Whether a host is meant, whatever the port. `*` means special addresses too here: `decideAddress` refuses them. */
export function matchesHost(pattern: HostPattern, host: Host): boolean {
  if (pattern.kind === 'any') return true;
  if (host.kind === 'address') return pattern.kind === 'network' && contains(pattern.network, host.address);
  if (pattern.kind === 'name') return pattern.name === host.text;
  return pattern.kind === 'below' && isBelow(host.text, pattern.name);
}

/** Whether a rule lets out nothing that the ceiling does not: each of its endpoints is one of a rule there. */
export function isWithin(
  rule: EgressRule,
  ceiling: readonly EgressRule[],
  own: ReadonlySet<string> = new Set(),
): boolean {
  const wider = ceiling.filter((one) => coversHost(one.host, rule.host, own));
  return rule.endpoints.every((endpoint) =>
    wider.some((one) => one.endpoints.some((top) => coversEndpoint(top, endpoint))),
  );
}

/** What may carry anything may carry this. */
export function coversEndpoint(outer: Endpoint, inner: Endpoint): boolean {
  return outer.port === inner.port && (outer.scheme === inner.scheme || outer.scheme === 'tcp');
}

function coversHost(outer: HostPattern, inner: HostPattern, own: ReadonlySet<string>): boolean {
  if (inner.kind === 'network') {
    if (outer.kind === 'network') return covers(outer.network, inner.network);
    // A rule that names a special address opens it, and `*` does not.
    const { address } = inner.network;
    const isPublic = classOf(address) === 'public' && !own.has(address.text);
    return outer.kind === 'any' && isOneAddress(inner.network) && isPublic;
  }
  if (outer.kind === 'any') return true;
  if (outer.kind === 'name') return inner.kind === 'name' && inner.name === outer.name;
  if (outer.kind !== 'below' || inner.kind === 'any') return false;
  return isBelow(inner.name, outer.name) || (inner.kind === 'below' && inner.name === outer.name);
}

/** With the dot: `evilallowed.com` ends with `allowed.com` as well. */
function isBelow(name: string, above: string): boolean {
  return name.endsWith(`.${above}`);
}
