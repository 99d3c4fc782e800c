import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classOf, embeddedIn, fromBytes, readAddress } from '../../../../src/policy/egress/address.js';

const classed = (text: string) => classOf(readAddress(text)!);

describe('an address', () => {
  it.each([
    ['8.8.8.8', 'public'],
    ['2606:4700::1111', 'public'],
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'unspecified'],
    ['::', 'unspecified'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['::1', 'loopback'],
    ['169.254.1.1', 'link-local'],
    ['fe80::1', 'link-local'],
    ['169.254.169.254', 'metadata'],
    ['169.254.170.2', 'metadata'],
    ['100.100.100.200', 'metadata'],
    ['168.63.129.16', 'metadata'],
    ['fd00:ec2::254', 'metadata'],
    ['10.0.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['fd12:3456::1', 'private'],
    ['100.64.0.1', 'shared'],
    ['224.0.0.1', 'multicast'],
    ['ff02::1', 'multicast'],
    ['255.255.255.255', 'broadcast'],
    ['240.0.0.1', 'reserved'],
    ['192.0.2.1', 'reserved'],
    ['198.18.0.1', 'reserved'],
    ['192.88.99.1', 'reserved'],
    ['2001:db8::1', 'reserved'],
    ['100::1', 'reserved'],
    ['4000::1', 'reserved'],
    ['fec0::1', 'reserved'],
    ['::ffff:127.0.0.1', 'translated'],
    ['::ffff:8.8.8.8', 'translated'],
    ['::ffff:0:127.0.0.1', 'translated'],
    ['::127.0.0.1', 'translated'],
    ['2002:7f00:1::', 'translated'],
    ['64:ff9b::7f00:1', 'translated'],
    ['64:ff9b:1:7f00:0:100::', 'translated'],
    ['2001::1', 'translated'],
    ['fe80::5efe:127.0.0.1', 'translated'],
    ['2606:4700::200:5efe:10.0.0.1', 'translated'],
  ])('%s is %s', (text, expected) => expect(classed(text)).toBe(expected));

  it.each([
    ['::ffff:127.0.0.1', ['127.0.0.1']],
    ['2002:7f00:1::', ['127.0.0.1']],
    ['64:ff9b::10.0.0.1', ['10.0.0.1']],
    ['2001:0:a00:1::f5ff:fffe', ['10.0.0.1', '10.0.0.1']],
    ['2606:4700::1111', []],
    ['8.8.8.8', []],
  ])('%s hides %j', (text, hidden) => expect(embeddedIn(readAddress(text)!).map((one) => one.text)).toEqual(hidden));

  it('below 64:ff9b:1::/48 hides one wherever a prefix may have ended', () => {
    for (const text of ['64:ff9b:1:7f00:0:100::', '64:ff9b:1:7f:0:1::', '64:ff9b:1::7f:0:100:0', '64:ff9b:1::7f00:1']) {
      expect(embeddedIn(readAddress(text)!).map((one) => one.text)).toContain('127.0.0.1');
    }
  });

  it('is read in no other spelling of IPv4 than dotted decimal', () => {
    const odd = [
      '127.1',
      '0x7f.0.0.1',
      '0177.0.0.1',
      '2130706433',
      '127.0.0.1 ',
      '127.0.0',
      '1.2.3.4.5',
      '01.2.3.4',
      '',
    ];
    expect(odd.map(readAddress)).toEqual(odd.map(() => undefined));
  });

  it('of any spelling of IPv6 is read as what it is, and its text reads as the same', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const address = readAddress(text)!;
        expect(readAddress(address.text)).toEqual(address);
        expect(readAddress(text.toUpperCase())).toEqual(address);
      }),
    );
  });

  it('that hides any IPv4 address is never public', () => {
    const ipv4 = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
    fc.assert(
      fc.property(ipv4, (four) => {
        const zeros = (count: number) => Array.from({ length: count }, () => 0);
        const forms = [
          [...zeros(10), 0xff, 0xff, ...four],
          [0x20, 0x02, ...four, ...zeros(10)],
          [0, 0x64, 0xff, 0x9b, ...zeros(8), ...four],
          [0x26, 0, ...zeros(6), 0, 0, 0x5e, 0xfe, ...four],
        ];
        for (const bytes of forms) expect(classOf(fromBytes(bytes))).toBe('translated');
      }),
    );
  });
});
