import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRule } from '../../../../src/policy/egress/rule.js';
import { ruleOf, ruleTextArbitrary } from './support.js';

const endpoints = (text: string) => ruleOf(text).endpoints.map(({ scheme, port }) => `${scheme}:${port}`);

describe('a rule', () => {
  it.each([
    ['Example.ORG.', 'example.org', ['https:443', 'http:80']],
    ['https://example.org:443', 'https://example.org', ['https:443']],
    ['HTTP://example.org:080', undefined, []],
    ['http://example.org:80', 'http://example.org', ['http:80']],
    ['http://example.org:8080', 'http://example.org:8080', ['http:8080']],
    ['example.org:443', 'example.org:443', ['https:443', 'http:443']],
    ['tcp://example.org:5432', 'tcp://example.org:5432', ['tcp:5432']],
    ['ssh://git.example.org:22', 'tcp://git.example.org:22', ['tcp:22']],
    ['*.Example.org', '*.example.org', ['https:443', 'http:80']],
    ['10.0.0.0/8:8443', '10.0.0.0/8:8443', ['https:8443', 'http:8443']],
    ['[0:0::1]:8443', '[::1]:8443', ['https:8443', 'http:8443']],
    ['https://[fd00::]/8', 'https://[fd00::]/8', ['https:443']],
  ])('%s is %s', (text, canonical, means) => {
    if (canonical === undefined) expect(parseRule(text, { openAllowed: true })).toHaveProperty('problem');
    else expect([ruleOf(text).text, endpoints(text)]).toEqual([canonical, means]);
  });

  it.each([
    '',
    'https://',
    'ftp://example.org',
    'https://user@example.org',
    'https://example.org/path',
    'https://example.org?x',
    'example.org:0',
    'example.org:65536',
    'example.org:443:443',
    'tcp://example.org',
    'ssh://example.org',
    'exa*mple.org',
    'a.*.example.org',
    '*.org',
    '*example.org',
    '**.example.org',
    '*.10.0.0.1',
    '*.127.1',
    '10.0.0.1/8',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '::1',
    'fd00::/8',
    '[::1]x:80',
    '[fe80::1%eth0]',
    '2130706433',
    '0x7f.1',
    'example.org\0.allowed.com',
    'example.org ',
    'a'.repeat(400),
  ])('%j is refused', (text) => expect(parseRule(text, { openAllowed: true })).toHaveProperty('problem'));

  it.each(['*', 'https://*', '*:8443', '0.0.0.0/0', '128.0.0.0/1', '[::]/0', '[2000::]/3', '[2400::]/7'])(
    '%s means nearly everything, and is taken only where that is allowed',
    (text) => {
      expect(parseRule(text, { openAllowed: false })).toMatchObject({ isOpen: true });
      expect(parseRule(text, { openAllowed: true })).toHaveProperty('rule');
    },
  );

  it('has one text, which reads as the same rule', () => {
    fc.assert(
      fc.property(ruleTextArbitrary, (text) => {
        const rule = ruleOf(text, true);
        expect(ruleOf(rule.text, true)).toEqual(rule);
        expect(ruleOf(rule.text.toUpperCase(), true)).toEqual(rule);
      }),
    );
  });

  it('of any text is a rule or a problem on one safe line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const reading = parseRule(text, { openAllowed: false });
        if ('problem' in reading) expect(reading.problem).toMatch(/^(?:\t|\P{Cc})+$/u);
        else expect(ruleOf(reading.rule.text)).toEqual(reading.rule);
      }),
    );
  });
});
