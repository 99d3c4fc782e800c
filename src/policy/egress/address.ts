import ipaddr from 'ipaddr.js';

/** One IP address; `text` is its one spelling (dotted decimal, RFC 5952). */
export interface Address {
  readonly family: 4 | 6;
  readonly text: string;
  readonly bytes: readonly number[];
}

/** All but `public` are special: they name the host, its neighbours, or something else that is nobody's server. */
export type AddressClass =
  | 'public'
  | 'unspecified'
  | 'loopback'
  | 'link-local'
  | 'metadata'
  | 'private'
  | 'shared'
  | 'multicast'
  | 'broadcast'
  | 'translated'
  | 'reserved';

const dotted = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$/;

/**
 * Where clouds hand out the credentials of the machine. The first lies in link-local space, but the others in private,
 * shared, reserved and even public space, where a class alone would not tell what they are.
 */
const metadataTexts: ReadonlySet<string> = new Set([
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
]);

const classesOfRanges: Readonly<Record<string, AddressClass>> = {
  unicast: 'public',
  unspecified: 'unspecified',
  loopback: 'loopback',
  linkLocal: 'link-local',
  multicast: 'multicast',
  broadcast: 'broadcast',
  private: 'private',
  uniqueLocal: 'private',
  carrierGradeNat: 'shared',
};

/**
 * Reads an IPv4 address in dotted decimal only (`127.1`, `0x7f.0.0.1` and `0177.0.0.1` mean different hosts to different
 * programs), or an IPv6 address in any of its spellings, which all mean the same, without a zone. Undefined for anything else.
 */
export function readAddress(text: string): Address | undefined {
  if (dotted.test(text)) return fromBytes(text.split('.').map(Number));
  if (!text.includes(':') || text.length > 45 || text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined;
  return fromBytes(ipaddr.IPv6.parse(text).toByteArray());
}

/** 4 or 16 bytes. */
export function fromBytes(bytes: readonly number[]): Address {
  const parsed = ipaddr.fromByteArray([...bytes]);
  if (parsed instanceof ipaddr.IPv4) return { family: 4, text: parsed.toString(), bytes };
  return { family: 6, text: parsed.toRFC5952String(), bytes };
}

export function classOf(address: Address): AddressClass {
  if (metadataTexts.has(address.text)) return 'metadata';
  if (embeddedIn(address).length > 0) return 'translated';
  const known = classesOfRanges[ipaddr.fromByteArray([...address.bytes]).range()] ?? 'reserved';
  // Of the IPv6 space only this eighth has been given to anybody.
  const isUnassigned = address.family === 6 && known === 'public' && ((address.bytes[0] ?? 0) & 0xe0) !== 0x20;
  return isUnassigned ? 'reserved' : known;
}

/** The IPv4 addresses that a gateway on the way, or the kernel, could read out of an IPv6 one. */
export function embeddedIn({ family, bytes }: Address): readonly Address[] {
  if (family === 4) return [];
  const starts = (...start: number[]) => start.every((byte, at) => bytes[at] === byte);
  const at = (...places: number[]) => fromBytes(places.map((place) => bytes[place] ?? 0));
  const zeros = (from: number, to: number) => bytes.slice(from, to).every((byte) => byte === 0);
  const last = at(12, 13, 14, 15);
  // Mapped, translated (RFC 6145), and the old "compatible" form; :: and ::1 are none of them.
  if (zeros(0, 10) && bytes[10] === 0xff && bytes[11] === 0xff) return [last];
  if (zeros(0, 8) && bytes[8] === 0xff && bytes[9] === 0xff && zeros(10, 12)) return [last];
  if (zeros(0, 12) && !zeros(12, 15)) return [last];
  // NAT64. Below 64:ff9b:1::/48 a site picks the length of its prefix, and with it where the address lies (RFC 6052).
  if (starts(0, 0x64, 0xff, 0x9b, 0, 1)) return [at(6, 7, 9, 10), at(7, 9, 10, 11), at(9, 10, 11, 12), last];
  if (starts(0, 0x64, 0xff, 0x9b)) return [last];
  if (starts(0x20, 0x02)) return [at(2, 3, 4, 5)];
  if (starts(0x20, 0x01, 0, 0)) return [at(4, 5, 6, 7), fromBytes(bytes.slice(12).map((byte) => byte ^ 0xff))];
  // ISATAP, whatever the prefix.
  const isIsatap = ((bytes[8] ?? 0) & 0xfd) === 0 && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe;
  return isIsatap ? [last] : [];
}
