import { readProcFile } from './read.js';

/** What the network namespace of a process has counted of tries to get out of it, since it was made. */
export interface TriesOut {
  /** Connections and datagrams for which there was no route. */
  readonly unrouted: number;
  /** Datagrams to a port of this host that nobody has: where no resolver is set, names are asked for there. */
  readonly unanswered: number;
}

/** Undefined where the kernel does not tell. `Ip: OutNoRoutes`, `Udp: NoPorts` and the same of IPv6 (RFC 4293, RFC 4113). */
export function triesOutOf(pid: number): TriesOut | undefined {
  const [four, six] = ['snmp', 'snmp6'].map((name) => readProcFile(`/proc/${pid}/net/${name}`));
  return four === undefined ? undefined : parseTriesOut(four, six ?? '');
}

/** By the texts of `net/snmp`, where a line of names stands above a line of numbers, and `net/snmp6`, with one number a line. */
export function parseTriesOut(four: string, six: string): TriesOut | undefined {
  const [noRoutes, noPorts] = [fieldOf(four, 'Ip', 'OutNoRoutes'), fieldOf(four, 'Udp', 'NoPorts')];
  if (noRoutes === undefined || noPorts === undefined) return undefined;
  const sixth = (name: string) => Number(new RegExp(`^${name}\\s+(\\d+)$`, 'm').exec(six)?.[1] ?? 0);
  return { unrouted: noRoutes + sixth('Ip6OutNoRoutes'), unanswered: noPorts + sixth('Udp6NoPorts') };
}

function fieldOf(text: string, group: string, name: string): number | undefined {
  const [names, numbers] = text.split('\n').filter((line) => line.startsWith(`${group}: `));
  const at = names?.split(' ').indexOf(name) ?? -1;
  const value = at < 1 ? undefined : numbers?.split(' ')[at];
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
}
