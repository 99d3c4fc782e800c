import { domainToASCII, domainToUnicode } from 'node:url';
import { type Address, readAddress } from './address.js';

/** What a connection is to, in the one spelling that is judged, resolved, sent and shown. */
export type Host =
  | { readonly kind: 'name'; readonly text: string }
  | { readonly kind: 'address'; readonly text: string; readonly address: Address };

export type HostReading = { readonly host: Host } | { readonly problem: string };

/** Of DNS. */
export const mostHostChars = 253;
const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** A last label that does not begin with a letter makes a number of the whole (`0x7f.1`, `127.1`, `2130706433`). */
const lastLabel = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const asciiName = /^[a-zA-Z0-9._-]+$/;
const invisible = /[\p{C}\p{Z}]/u;
/** Of ASCII only what names consist of: domainToASCII itself would cut at a `/` and decode `%61`. */
const notInNames = /[^a-zA-Z0-9._\-\u{80}-\u{10ffff}]/u;

/**
 * Reads a host once, for everyone: case, one trailing dot and IDNA are normalised; an IPv6 address may stand in brackets.
 * What other readers could take for something else (NUL, escapes, odd spellings of numbers) is a problem, never a guess.
 */
export function readHost(raw: string): HostReading {
  if (raw.length === 0) return { problem: 'there is no host' };
  if (raw.length > mostHostChars + 1) return { problem: `the host is longer than ${mostHostChars} characters` };
  const inBrackets = raw.startsWith('[') && raw.endsWith(']') ? raw.slice(1, -1) : undefined;
  const address = readAddress(inBrackets ?? raw);
  if (address !== undefined && (inBrackets === undefined || address.family === 6)) {
    return { host: { kind: 'address', text: address.text, address } };
  }
  if (raw.includes(':') || inBrackets !== undefined) return { problem: 'it is no IPv6 address' };
  return readName(raw);
}

/** `host:port`, with brackets where the host has colons. */
export function withPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

const mostShownChars = 80;

/** `withPort` for a person to judge: what is long is cut in the middle, since the end of a name says whose it is. */
export function shownPlace(host: string, port: number): string {
  const half = mostShownChars / 2;
  return withPort(host.length <= mostShownChars ? host : `${host.slice(0, half - 1)}…${host.slice(-half)}`, port);
}

function readName(raw: string): HostReading {
  if (invisible.test(raw)) return { problem: 'the host holds an invisible or control character' };
  if (notInNames.test(raw)) return { problem: 'the host holds a character that no name has' };
  const ascii = (asciiName.test(raw) ? raw.toLowerCase() : domainToASCII(raw)).replace(/\.$/, '');
  if (ascii.length === 0 || ascii.length > mostHostChars) return { problem: 'the host is no name' };
  const labels = ascii.split('.');
  if (!labels.every((one) => label.test(one))) return { problem: 'a part of the name is empty, too long or malformed' };
  if (!lastLabel.test(labels.at(-1) ?? '')) return { problem: 'it is an odd spelling of an address, or no name' };
  // Of names that hold `xn--` only those that decode, to what encodes to the same again. Node 24 leaves alone what does not decode.
  const isUndecoded = labels.some((one) => one.startsWith('xn--') && domainToUnicode(one) === one);
  if (isUndecoded || (ascii.includes('xn--') && domainToASCII(ascii) !== ascii)) {
    return { problem: 'an xn-- part of the name is malformed' };
  }
  return { host: { kind: 'name', text: ascii } };
}
