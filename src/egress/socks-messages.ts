import { fromBytes } from '../policy/egress/address.js';

export interface SocksRequest {
  readonly kind: 'connect';
  /** One character for each byte. */
  readonly host: string;
  readonly port: number;
}

interface SocksProblem {
  readonly kind: 'problem';
  readonly problem: string;
  readonly reply: Buffer;
}

/** With a bound address of 0.0.0.0:0, which no client needs (RFC 1928, 6). */
const replyOf = (code: number): Buffer => Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]);

export const socksReply = {
  granted: replyOf(0),
  failed: replyOf(1),
  denied: replyOf(2),
  hostUnreachable: replyOf(4),
  refused: replyOf(5),
  ttlExpired: replyOf(6),
  noCommand: replyOf(7),
  noAddressType: replyOf(8),
} as const;

/** Version, how many methods, the methods. */
export function greetingOf(
  bytes: Buffer,
): { readonly value: 'welcome' | 'no-method' | 'no-socks5'; readonly used: number } | undefined {
  const [version, count] = bytes;
  if (version === undefined) return undefined;
  if (version !== 5) return { value: 'no-socks5', used: 0 };
  if (count === undefined || bytes.length < 2 + count) return undefined;
  return { value: bytes.subarray(2, 2 + count).includes(0) ? 'welcome' : 'no-method', used: 2 + count };
}

/** Version, command, 0, kind of address, address, port. */
export function requestOf(
  bytes: Buffer,
): { readonly value: SocksRequest | SocksProblem; readonly used: number } | undefined {
  const [version, command, , kind, first] = bytes;
  if (kind === undefined) return undefined;
  const problem = (text: string, reply: Buffer) =>
    ({ value: { kind: 'problem', problem: text, reply }, used: bytes.length }) as const;
  if (version !== 5) return problem('the request is malformed', socksReply.failed);
  if (command !== 1)
    return problem(`the command ${command} is none that is offered (only CONNECT)`, socksReply.noCommand);
  const length = { 1: 4, 3: first === undefined ? undefined : 1 + first, 4: 16 }[kind];
  if (kind !== 1 && kind !== 3 && kind !== 4)
    return problem('it names no address of a kind that is known', socksReply.noAddressType);
  if (length === undefined || bytes.length < 4 + length + 2) return undefined;
  const host = bytes.subarray(kind === 3 ? 5 : 4, 4 + length);
  const used = 4 + length + 2;
  const text = kind === 3 ? host.toString('latin1') : fromBytes([...host]).text;
  return { value: { kind: 'connect', host: text, port: bytes.readUInt16BE(4 + length) }, used };
}
