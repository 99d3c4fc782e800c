import { safeLine } from '../../kit/safe-text.js';
import { readHost } from './host.js';
import { isOneAddress, isTooWide, type Network, networkOf, readNetwork } from './network.js';

/** What may be spoken: `tcp` is anything at all, unseen. */
export type Scheme = 'http' | 'https' | 'tcp';

export type HostPattern =
  | { readonly kind: 'any' }
  | { readonly kind: 'name'; readonly name: string }
  /** Every name that ends with `.name`, at any depth; not `name`. */
  | { readonly kind: 'below'; readonly name: string }
  /** Addresses, also the special ones among them. */
  | { readonly kind: 'network'; readonly network: Network };

export interface Endpoint {
  readonly scheme: Scheme;
  readonly port: number;
}

export interface EgressRule {
  /** Canonical: parsing it gives the same rule and the same text. */
  readonly text: string;
  readonly host: HostPattern;
  readonly endpoints: readonly Endpoint[];
}

export interface RuleOptions {
  /** Whether `*` and networks of nearly everything may be said. */
  readonly openAllowed: boolean;
}

export type RuleReading = { readonly rule: EgressRule } | { readonly problem: string; readonly isOpen?: true };

/** More is no name, wherever the brackets and ports are. */
const mostChars = 300;
const portOf = { http: 80, https: 443 } as const;
/** One letter case, no user, no path, no query. */
const shape = /^(?:(http|https|tcp|ssh):\/\/)?(\[[^[\]]*\](?:\/\d+)?|[^[\]:]*)(?::(\d{1,5}))?$/i;

/**
 * Reads `[scheme://]host[:port]`. The scheme is http, https or tcp (ssh is tcp), and tcp wants a port. Without a scheme both http and
 * https are meant: on the port, or on 80 and 443. The host is a name, `*.name`, an address or a network; IPv6 in brackets.
 */
export function parseRule(text: string, options: RuleOptions): RuleReading {
  const [, schemeText, hostText = '', portText] = (text.length <= mostChars && shape.exec(text)) || [];
  if (hostText === '') {
    return { problem: `${safeLine(text, 80)} is not of the form [scheme://]host[:port] (http, https or tcp)` };
  }
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port < 1 || port > 65_535 || portText?.startsWith('0') === true)) {
    return { problem: `${safeLine(text, 80)}: a port is between 1 and 65535` };
  }
  const word = schemeText?.toLowerCase();
  const scheme = word === 'ssh' ? 'tcp' : (word as Scheme | undefined);
  if (scheme === 'tcp' && port === undefined) return { problem: `${safeLine(text, 80)}: tcp wants a port` };
  const host = parsePattern(hostText);
  if (typeof host === 'string') return { problem: `${safeLine(text, 80)}: ${host}` };
  if (!options.openAllowed && isOpen(host)) {
    return { problem: `${safeLine(text, 80)} means nearly everything`, isOpen: true };
  }
  return { rule: { text: canonical(scheme, host, port), host, endpoints: endpointsOf(scheme, port) } };
}

/** A host as rules and lists of hosts have it, or what is wrong with it. */
export function parsePattern(text: string): HostPattern | string {
  if (text === '*') return { kind: 'any' };
  if (text.includes('/')) {
    const network = readNetwork(text.replace(/^\[([^\]]*)\]/, '$1'));
    return network === undefined ? 'it is no network: bits behind the prefix are 0' : { kind: 'network', network };
  }
  const isBelow = text.startsWith('*.');
  const reading = readHost(isBelow ? text.slice(2) : text);
  if ('problem' in reading) return reading.problem;
  const { host } = reading;
  if (host.kind === 'address') {
    return isBelow ? '* stands before names only' : { kind: 'network', network: networkOf(host.address) };
  }
  if (!isBelow) return { kind: 'name', name: host.text };
  return host.text.includes('.') ? { kind: 'below', name: host.text } : 'behind *. come two labels or more';
}

function isOpen(host: HostPattern): boolean {
  return host.kind === 'any' || (host.kind === 'network' && isTooWide(host.network));
}

function endpointsOf(scheme: Scheme | undefined, port: number | undefined): readonly Endpoint[] {
  if (scheme === 'tcp') return port === undefined ? [] : [{ scheme, port }];
  const schemes = scheme === undefined ? (['https', 'http'] as const) : [scheme];
  return schemes.map((one) => ({ scheme: one, port: port ?? portOf[one] }));
}

function canonical(scheme: Scheme | undefined, host: HostPattern, port: number | undefined): string {
  const isUsual = scheme === undefined || scheme === 'tcp' ? port === undefined : port === portOf[scheme];
  return `${scheme === undefined ? '' : `${scheme}://`}${patternText(host)}${isUsual || port === undefined ? '' : `:${port}`}`;
}

function patternText(host: HostPattern): string {
  if (host.kind === 'any') return '*';
  if (host.kind === 'name') return host.name;
  if (host.kind === 'below') return `*.${host.name}`;
  const { address, prefix } = host.network;
  const text = address.family === 6 ? `[${address.text}]` : address.text;
  return isOneAddress(host.network) ? text : `${text}/${prefix}`;
}
