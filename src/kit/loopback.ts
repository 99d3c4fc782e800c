import ipaddr from 'ipaddr.js';

/** Whether it is an address, written out, that leads nowhere but to this machine: 127.0.0.0/8 in four parts, or ::1. Names are none. */
export function isLoopback(address: string): boolean {
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return ipaddr.IPv4.parse(address).range() === 'loopback';
  return ipaddr.IPv6.isValid(address) && ipaddr.IPv6.parse(address).range() === 'loopback';
}
