import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readHost, shownPlace, withPort } from '../../../../src/policy/egress/host.js';

const read = (raw: string) => {
  const reading = readHost(raw);
  return 'host' in reading ? reading.host.text : undefined;
};

describe('a host', () => {
  it.each([
    ['Example.ORG', 'example.org'],
    ['example.org.', 'example.org'],
    ['faß.de', 'xn--fa-hia.de'],
    ['allowed。com', 'allowed.com'],
    ['ⓐllowed.com', 'allowed.com'],
    ['my_bucket.storage.example', 'my_bucket.storage.example'],
    ['192.0.2.1', '192.0.2.1'],
    ['[::1]', '::1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['[::FFFF:127.0.0.1]', '::ffff:7f00:1'],
    ['localhost', 'localhost'],
  ])('%j is %s', (raw, text) => expect(read(raw)).toBe(text));

  it.each([
    ['', 'nothing'],
    ['attacker.example\0.allowed.com', 'NUL'],
    ['allowed.com\n', 'a newline'],
    ['allowed.com ', 'a space'],
    ['allo\u00adwed.com', 'a soft hyphen'],
    ['allo\u200bwed.com', 'a zero-width space'],
    ['%61llowed.com', 'an escape'],
    ['allowed.com/x', 'a path'],
    ['user@allowed.com', 'a user'],
    ['allowed.com#', 'a fragment'],
    ['allowed.com\\x', 'a backslash'],
    ['allowed.com:80', 'a port'],
    ['allowed..com', 'an empty label'],
    ['allowed.com..', 'two trailing dots'],
    ['.allowed.com', 'a leading dot'],
    ['-allowed.com', 'a leading hyphen'],
    ['xn--a.com', 'a bad xn-- label'],
    ['\ud800.com', 'half a character'],
    [`${'a'.repeat(64)}.com`, 'a long label'],
    [`${'a.'.repeat(127)}com`, 'a long name'],
    ['0x7f.1', 'hexadecimal'],
    ['0x7f000001', 'one hexadecimal number'],
    ['2130706433', 'one number'],
    ['017700000001', 'one octal number'],
    ['0177.0.0.1', 'octal'],
    ['127.1', 'two parts'],
    ['127.0.0.01', 'a leading zero'],
    ['127.0.0.256', 'a number above 255'],
    ['127.0.0.1.', 'an address with a trailing dot'],
    ['１２７.0.0.1', 'fullwidth digits'],
    ['①②⑦.0.0.1', 'circled digits'],
    ['foo.0x4', 'a number at its end'],
    ['[127.0.0.1]', 'IPv4 in brackets'],
    ['[::1', 'half a bracket'],
    ['[fe80::1%eth0]', 'a zone'],
    ['fe80::1%25eth0', 'an escaped zone'],
    ['[allowed.com]', 'a name in brackets'],
    ['::1::', 'two gaps'],
  ])('%j is refused: %s', (raw) => expect(read(raw)).toBeUndefined());

  it('is the same however often it is read, and only of letters, digits, hyphens, dots and colons', () => {
    const anything = fc.oneof(fc.string({ unit: 'grapheme' }), fc.domain(), fc.ipV4(), fc.ipV6(), fc.webUrl());
    fc.assert(
      fc.property(anything, (raw) => {
        const text = read(raw);
        if (text === undefined) return;
        expect(text).toMatch(/^[a-z0-9._:-]+$/);
        expect(read(text)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it('is shown with its port so that the two can be told apart', () => {
    expect([withPort('a.example', 1), withPort('::1', 2)]).toEqual(['a.example:1', '[::1]:2']);
  });
});

describe('a place as a person is shown it', () => {
  it('has brackets around IPv6, and of a long name both ends', () => {
    expect(shownPlace('::1', 443)).toBe('[::1]:443');
    expect(shownPlace('a.example', 443)).toBe('a.example:443');
    const shown = shownPlace(`trusted.example.${'a'.repeat(200)}.evil.test`, 443);
    expect(shown).toMatch(/^trusted\.example\.a+…a+\.evil\.test:443$/);
    expect(shown).toHaveLength(84);
  });
});
