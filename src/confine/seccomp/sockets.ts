import { type ArgumentRule, type Condition, type ErrnoName, equal, masked } from './rule.js';

/** Families (linux/socket.h), types and protocols (linux/net.h, linux/in.h) of sockets. */
const family = { unix: 1, inet: 2, inet6: 10, netlink: 16 } as const;
const kind = { stream: 1, datagram: 2, raw: 3, mask: 0xf } as const;
const protocol = { any: 0, icmp: 1, tcp: 6, udp: 17 } as const;

const above = (index: number, value: number): Condition => ({ index, is: 'above', value });
/** The type is in the lowest four bits; above them are flags for close-on-exec and non-blocking. */
const ofKind = (value: number) => masked(1, kind.mask, value);

const socket = (when: readonly Condition[], result: 'allow' | ErrnoName, why: string): ArgumentRule => {
  return { call: 'socket', when, result, why };
};

/** One family of the internet: TCP and UDP, and answers that programs understand for the rest. */
function internet(which: number): readonly ArgumentRule[] {
  const its = equal(0, which);
  const other = 'SCTP, DCCP, MPTCP, UDP-Lite, L2TP: modules that a socket loads, and that nobody inside needs.';
  return [
    socket([its, ofKind(kind.stream), equal(2, protocol.any)], 'allow', 'TCP.'),
    socket([its, ofKind(kind.stream), equal(2, protocol.tcp)], 'allow', 'TCP.'),
    socket([its, ofKind(kind.datagram), equal(2, protocol.any)], 'allow', 'UDP.'),
    socket([its, ofKind(kind.datagram), equal(2, protocol.udp)], 'allow', 'UDP.'),
    socket([its, ofKind(kind.datagram), equal(2, protocol.icmp)], 'EACCES', 'Ping sockets (CVE-2015-3636).'),
    socket([its, ofKind(kind.raw)], 'EPERM', 'Raw packets, which take a capability as well.'),
    socket([its, ofKind(kind.stream), above(2, protocol.tcp)], 'EPROTONOSUPPORT', other),
    socket([its, ofKind(kind.datagram), above(2, protocol.udp)], 'EPROTONOSUPPORT', other),
  ];
}

const allowedFamilies: readonly number[] = Object.values(family);
const between = Array.from({ length: family.netlink }, (_, number) => number);
const oddFamily =
  'AF_ALG (CVE-2026-31431), AF_VSOCK, AF_PACKET, CAN, RDS, TIPC, Bluetooth …: each loads a module with a record of holes.';

/**
 * Families are allowed one by one and compared as whole registers: what is not named here is refused, also what is yet to come.
 * socketpair, which the engines leave open, would open TIPC otherwise.
 */
export const socketRules: readonly ArgumentRule[] = [
  socket([equal(0, family.unix)], 'allow', 'Sockets between processes of the sandbox.'),
  ...internet(family.inet),
  ...internet(family.inet6),
  socket([equal(0, family.netlink), equal(2, 0)], 'allow', 'Routing: how a program lists its own addresses.'),
  socket(
    [equal(0, family.netlink), above(2, 0)],
    'EPROTONOSUPPORT',
    'Netfilter, audit, crypto, xfrm …: parsers in the kernel. The errno of a kernel without them, as useradd and sudo expect.',
  ),
  ...between
    .filter((number) => !allowedFamilies.includes(number))
    .map((number) => socket([equal(0, number)], 'EAFNOSUPPORT', oddFamily)),
  socket([above(0, family.netlink)], 'EAFNOSUPPORT', oddFamily),
  {
    call: 'socketpair',
    when: [equal(0, family.unix)],
    result: 'allow',
    why: 'Pairs between processes of the sandbox.',
  },
  { call: 'socketpair', when: [above(0, family.unix)], result: 'EAFNOSUPPORT', why: oddFamily },
];
