import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAddress } from '../../../../src/policy/egress/address.js';
import { brokeredHosts, decide, decideAddress, suggestedRule } from '../../../../src/policy/egress/decide.js';
import { anyScheme, listOf, nameArbitrary, ruleTextArbitrary, wishArbitrary, wishOf } from './support.js';

const schemes = (rules: readonly string[], host: string, port: number, brokered: readonly string[] = []) => {
  const verdict = decide(listOf(rules, brokered), wishOf(host, port));
  return verdict.verdict === 'allow' ? verdict.schemes.join(' ') : verdict.ruleId;
};
const addressed = (rules: readonly string[], host: string, port: number, address: string) => {
  const verdict = decideAddress(listOf(rules), wishOf(host, port), readAddress(address)!);
  return verdict.verdict === 'allow' ? verdict.schemes.join(' ') : verdict.ruleId;
};

describe('what may be reached', () => {
  it('is nothing by an empty list', () => {
    fc.assert(
      fc.property(wishArbitrary, (wish) => {
        expect(decide(listOf([]), wish).verdict).toBe('deny');
      }),
    );
  });

  it.each([
    ['allowed.com', 443, 'https'],
    ['ALLOWED.com.', 443, 'https'],
    ['allowed.com', 80, 'http'],
    ['allowed.com', 8443, 'egress.host'],
    ['allowed.com', 25, 'egress.host'],
    ['www.allowed.com', 443, 'egress.host'],
    ['evilallowed.com', 443, 'egress.host'],
    ['allowed.com.evil.com', 443, 'egress.host'],
    ['allowed.co', 443, 'egress.host'],
    ['аllowed.com', 443, 'egress.host'],
  ])('by the rule allowed.com: %s:%i gives %s', (host, port, expected) =>
    expect(schemes(['allowed.com'], host, port)).toBe(expected),
  );

  it.each([
    ['a.allowed.com', 'https'],
    ['a.b.allowed.com', 'https'],
    ['allowed.com', 'egress.host'],
    ['evilallowed.com', 'egress.host'],
    ['a.evilallowed.com', 'egress.host'],
    ['a.allowed.com.evil.com', 'egress.host'],
  ])('by the rule *.allowed.com: %s gives %s', (host, expected) =>
    expect(schemes(['*.allowed.com'], host, 443)).toBe(expected),
  );

  it('by a rule with tcp carries anything on that port alone', () => {
    expect(schemes(['tcp://db.example:5432'], 'db.example', 5432)).toBe('http https tcp');
    expect(schemes(['tcp://db.example:5432'], 'db.example', 443)).toBe('egress.host');
  });

  it('by a scheme is that scheme', () => {
    expect(schemes(['https://a.example'], 'a.example', 80)).toBe('egress.host');
    expect(schemes(['http://a.example'], 'a.example', 443)).toBe('egress.host');
    expect(schemes(['a.example:8443'], 'a.example', 8443)).toBe('http https');
  });

  it('by an address or a network is those addresses, and no name', () => {
    expect(schemes(['10.0.0.0/8'], '10.1.2.3', 443)).toBe('https');
    expect(schemes(['10.0.0.0/8'], '11.1.2.3', 443)).toBe('egress.host');
    expect(schemes(['10.0.0.0/8'], '::ffff:10.1.2.3', 443)).toBe('egress.host');
    expect(schemes(['127.0.0.1'], 'localhost', 443)).toBe('egress.host');
  });

  it('is never a host of the broker, whatever the rules say', () => {
    const all = ['*', 'api.provider.example', 'tcp://api.provider.example:443'];
    expect(schemes(all, 'API.provider.example.', 443, ['api.provider.example'])).toBe('egress.brokered');
    expect(schemes(all, 'eu.models.example', 443, ['*.models.example'])).toBe('egress.brokered');
    expect(schemes(all, 'other.example', 443, ['*.models.example'])).toBe('https');
    expect(() => brokeredHosts(['*'])).toThrow(TypeError);
    expect(() => brokeredHosts(['a b'])).toThrow(TypeError);
  });

  it('is not less by more rules', () => {
    fc.assert(
      fc.property(fc.array(ruleTextArbitrary), ruleTextArbitrary, wishArbitrary, (texts, more, wish) => {
        const [few, many] = [decide(listOf(texts), wish), decide(listOf([...texts, more]), wish)];
        if (few.verdict === 'allow') expect(many).toMatchObject({ verdict: 'allow' });
        if (few.verdict === 'allow' && many.verdict === 'allow') {
          expect(many.schemes).toEqual(expect.arrayContaining([...few.schemes]));
        }
      }),
    );
  });

  it('has no name with something before or behind it', () => {
    const tail = fc.constantFrom('.attacker.net', 'x', '-x', '.net');
    fc.assert(
      fc.property(nameArbitrary, fc.constantFrom('evil', 'x-', 'a.evil'), tail, (name, before, behind) => {
        for (const rule of [name, `*.${name}`]) {
          expect(schemes([rule], `${before}${name}`, 443)).toBe('egress.host');
          expect(schemes([rule], `${name}${behind}`, 443)).toBe('egress.host');
          expect(schemes([rule], `a.${name}${behind}`, 443)).toBe('egress.host');
        }
      }),
    );
  });

  it('says which rule would allow what was refused', () => {
    const verdict = decide(listOf([]), wishOf('registry.example', 443));
    expect(verdict).toMatchObject({ reason: 'no rule allows registry.example:443' });
    const { hint } = verdict as { hint: string };
    for (const way of [
      '`--allow https://registry.example`',
      '`allow` of create_session',
      'allow = ["https://registry.example"]',
    ])
      expect(hint).toContain(way);
    for (const file of ['~/.config/paddock/config.toml', '/etc/paddock/policy.toml']) expect(hint).toContain(file);
  });

  it('is allowed by the rule that is suggested for it', () => {
    fc.assert(
      fc.property(wishArbitrary, fc.constantFrom(anyScheme, ['http'] as const), ({ host, port }, kinds) => {
        const wish = { host, port, schemes: kinds };
        expect(decide(listOf([suggestedRule(wish)]), wish)).toMatchObject({ verdict: 'allow' });
      }),
    );
  });
});

describe('an address that a name resolves to', () => {
  const special = ['127.0.0.1', '169.254.169.254', '10.0.0.1', '::1', '::ffff:8.8.8.8', '2002:7f00:1::', '0.0.0.0'];

  it('is dialled where it is public', () => {
    expect(addressed(['a.example'], 'a.example', 443, '8.8.8.8')).toBe('http https tcp');
    expect(addressed(['a.example'], 'a.example', 443, '2606:4700::1111')).toBe('http https tcp');
  });

  it.each(special)('is not dialled where it is special: %s', (address) => {
    expect(addressed(['a.example', '*', 'tcp://a.example:443'], 'a.example', 443, address)).toBe('egress.address');
  });

  it('is dialled where a rule names it or its network with that port, for the schemes of that rule', () => {
    expect(addressed(['127.0.0.1:8443'], 'a.example', 8443, '127.0.0.1')).toBe('http https');
    expect(addressed(['127.0.0.0/8:8443'], 'a.example', 8443, '127.9.9.9')).toBe('http https');
    expect(addressed(['https://10.0.0.0/8'], 'a.example', 443, '10.1.1.1')).toBe('https');
    expect(addressed(['127.0.0.1:8443'], 'a.example', 443, '127.0.0.1')).toBe('egress.address');
  });

  it('and hides another is dialled only where both are allowed', () => {
    expect(addressed(['[64:ff9b::]/96'], 'a.example', 443, '64:ff9b::8.8.8.8')).toBe('https');
    expect(addressed(['[64:ff9b::]/96'], 'a.example', 443, '64:ff9b::127.0.0.1')).toBe('egress.address');
    expect(addressed(['127.0.0.1'], 'a.example', 443, '::ffff:127.0.0.1')).toBe('egress.address');
    expect(addressed(['127.0.0.1', '[64:ff9b::]/96'], 'a.example', 443, '64:ff9b::127.0.0.1')).toBe('https');
  });

  it('and is the host’s own, though a public one, is dialled only where a rule names it', () => {
    const own = new Set(['93.184.216.34', '2606:2800:220:1::1']);
    const asked = (rules: readonly string[], address: string) =>
      decideAddress({ ...listOf(rules), own }, wishOf('a.example', 443), readAddress(address)!);
    for (const address of ['93.184.216.34', '2606:2800:220:1::1', '64:ff9b::93.184.216.34'])
      expect(asked(['a.example', '*'], address)).toMatchObject({ ruleId: 'egress.address' });
    expect(asked(['a.example'], '93.184.216.34')).toMatchObject({
      reason: expect.stringContaining('which is an address of the host itself, and no rule names it with port 443'),
    });
    expect(asked(['a.example', '93.184.216.34'], '93.184.216.34').verdict).toBe('allow');
    expect(asked(['a.example'], '93.184.216.35').verdict).toBe('allow');
  });

  it('is told with the name, the class and the rule that would allow it', () => {
    const verdict = decideAddress(listOf(['a.example']), wishOf('a.example', 443), readAddress('169.254.169.254')!);
    expect(verdict).toMatchObject({
      ruleId: 'egress.address',
      reason: 'a.example resolves to 169.254.169.254, which is a metadata address, and no rule names it with port 443',
      hint: expect.stringMatching(
        /^If that is meant.*--allow 169\.254\.169\.254:443`.*policy\.toml, if there is one\)\.$/,
      ),
    });
  });
});
