import { networkInterfaces } from 'node:os';
import { readAddress } from '../policy/egress/address.js';

/** Texts of the addresses that this host has right now; they come and go with its networks. */
export type OwnAddresses = () => ReadonlySet<string>;

/** Those of its interfaces. An address that a router translates to one of them is not known here. */
export const systemOwn: OwnAddresses = () => {
  const addresses = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
  return new Set(addresses.flatMap(({ address }) => readAddress(address)?.text ?? []));
};
