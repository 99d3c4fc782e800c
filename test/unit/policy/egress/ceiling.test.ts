import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAddress } from '../../../../src/policy/egress/address.js';
import { admitRule, decide, decideAddress } from '../../../../src/policy/egress/decide.js';
import { isWithin } from '../../../../src/policy/egress/match.js';
import { listOf, ruleOf, ruleTextArbitrary, wishArbitrary } from './support.js';

const within = (text: string, ...ceiling: string[]) => isWithin(ruleOf(text, true), listOf(ceiling).rules);

describe("the site's list", () => {
  it.each([
    ['https://a.example.org', ['a.example.org'], true],
    ['a.example.org', ['https://a.example.org'], false],
    ['a.example.org', ['https://a.example.org', 'http://*.example.org'], true],
    ['*.a.example.org', ['*.example.org'], true],
    ['*.example.org', ['*.example.org'], true],
    ['*.example.org', ['*.a.example.org', 'example.org'], false],
    ['example.org', ['*.example.org'], false],
    ['evilexample.org', ['*.example.org'], false],
    ['10.1.0.0/16', ['10.0.0.0/8'], true],
    ['10.0.0.0/8', ['10.1.0.0/16'], false],
    ['https://db.example:5432', ['tcp://db.example:5432'], true],
    ['tcp://db.example:443', ['https://db.example'], false],
    ['a.example', ['*'], true],
    ['a.example:8443', ['*'], false],
    ['8.8.8.8', ['*'], true],
    ['127.0.0.1', ['*'], false],
    ['10.0.0.0/8', ['*'], false],
    ['8.0.0.0/8', ['*'], false],
    ['*', ['*.example.org'], false],
    ['*', ['*'], true],
    ['a.example', [], false],
  ])('%s by %j: %s', (text, ceiling, expected) => expect(within(text, ...ceiling)).toBe(expected));

  it('covers itself, and with more rules no less', () => {
    fc.assert(
      fc.property(ruleTextArbitrary, fc.array(ruleTextArbitrary), ruleTextArbitrary, (text, ceiling, more) => {
        expect(within(text, text)).toBe(true);
        if (within(text, ...ceiling)) expect(within(text, ...ceiling, more)).toBe(true);
      }),
    );
  });

  it('lets no rule out that reaches what it does not reach itself', () => {
    const address = fc.constantFrom('127.0.0.1', '10.1.2.3', '8.8.8.8', '::1', 'fd00::1');
    fc.assert(
      fc.property(
        ...([ruleTextArbitrary, fc.array(ruleTextArbitrary), wishArbitrary, address] as const),
        (text, ceiling, wish, dialled) => {
          fc.pre(within(text, ...ceiling));
          const [rule, site] = [listOf([text]), listOf(ceiling)];
          if (decide(rule, wish).verdict === 'allow') expect(decide(site, wish).verdict).toBe('allow');
          const to = readAddress(dialled)!;
          if (decideAddress(rule, wish, to).verdict === 'allow') {
            expect(decideAddress(site, wish, to).verdict).toBe('allow');
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is what a rule of a session is held against, and where there is none the rule stands for itself', () => {
    const ceiling = listOf(['*.example.org']).rules;
    const admit = (text: string, top?: typeof ceiling) => admitRule(text, { openAllowed: false, ceiling: top });
    expect(admit('A.example.org', ceiling)).toMatchObject({ verdict: 'allow', rule: { text: 'a.example.org' } });
    expect(admit('b.example', ceiling)).toMatchObject({ ruleId: 'egress.ceiling' });
    expect(admit('b.example')).toMatchObject({ verdict: 'allow' });
    expect(admit('*')).toMatchObject({ ruleId: 'egress.open' });
    expect(admit('127.1')).toMatchObject({ ruleId: 'egress.rule' });
  });
});
