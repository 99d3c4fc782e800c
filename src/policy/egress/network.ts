import { type Address, classOf, readAddress } from './address.js';

/** All addresses that begin as `address` does; with all of its bits one address. */
export interface Network {
  readonly address: Address;
  /** 0 – 32, or 0 – 128. */
  readonly prefix: number;
}

export function networkOf(address: Address): Network {
  return { address, prefix: address.bytes.length * 8 };
}

/** `10.0.0.0/8` or `fd00::/8`. A bit set behind the prefix is a problem: it is a typing mistake in one of the two. */
export function readNetwork(text: string): Network | undefined {
  const [, host = '', digits = ''] = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  const address = readAddress(host);
  const prefix = Number(digits);
  if (address === undefined || prefix > address.bytes.length * 8) return undefined;
  const isClean = address.bytes.every((byte, at) => (byte & ~maskAt(at, prefix) & 0xff) === 0);
  return isClean ? { address, prefix } : undefined;
}

export function isOneAddress({ address, prefix }: Network): boolean {
  return prefix === address.bytes.length * 8;
}

export function contains(network: Network, address: Address): boolean {
  if (network.address.family !== address.family) return false;
  return address.bytes.every(
    (byte, at) => ((byte ^ (network.address.bytes[at] ?? 0)) & maskAt(at, network.prefix)) === 0,
  );
}

export function covers(outer: Network, inner: Network): boolean {
  return outer.prefix <= inner.prefix && contains(outer, inner.address);
}

/** Two halves of everything would be everything. Whole private, link-local and multicast spaces are still networks. */
export function isTooWide({ address, prefix }: Network): boolean {
  if (address.family === 4) return prefix < (classOf(address) === 'multicast' ? 4 : 8);
  return prefix < (classOf(address) === 'public' ? 16 : 7);
}

function maskAt(at: number, prefix: number): number {
  const bits = Math.min(8, Math.max(0, prefix - at * 8));
  return (0xff << (8 - bits)) & 0xff;
}
