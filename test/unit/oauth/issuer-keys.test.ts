import { beforeEach, describe, expect, it } from 'vitest';
import { deferred } from '../../../src/kit/deferred.js';
import { AccessTokens } from '../../../src/oauth/access-token.js';
import { IssuerUnavailable } from '../../../src/oauth/fetch-json.js';
import { IssuerKeys } from '../../../src/oauth/issuer-keys.js';
import { readKeySet } from '../../../src/oauth/key-set.js';
import { HandClock, Issuer, rules } from './support/issuer.js';

let theirs: Issuer;
let clock: HandClock;
let tokens: AccessTokens;
let loads: number;
let isAway: boolean;

beforeEach(async () => {
  theirs = await new Issuer().newKey('one');
  clock = new HandClock();
  [loads, isAway] = [0, false];
  const load = async () => {
    loads += 1;
    if (isAway) throw new IssuerUnavailable('away');
    return readKeySet(await theirs.keySet(), 'test');
  };
  const long = { ...rules, longestMs: 24 * 3_600_000 };
  tokens = new AccessTokens(long, new IssuerKeys(load, clock), clock);
});

const long = { claims: { exp: 9e9 } };

async function outcome(kid: string): Promise<string> {
  return await tokens.verify(await theirs.sign(kid, long)).then(
    () => 'good',
    (error: unknown) => (error instanceof IssuerUnavailable ? 'away' : 'refused'),
  );
}

describe('the keys of an issuer', () => {
  it('are read once for as many tokens as come within ten minutes', async () => {
    expect([await outcome('one'), await outcome('one')]).toEqual(['good', 'good']);
    expect(loads).toBe(1);
    clock.atMs += 10 * 60_000;
    expect(await outcome('one')).toBe('good');
    expect(loads).toBe(2);
  });

  it('are read once for all who wait for them', async () => {
    const gate = deferred<undefined>();
    let asked = 0;
    const keys = new IssuerKeys(async () => {
      asked += 1;
      await gate.promise;
      return await theirs.keySet();
    }, clock);
    const many = new AccessTokens(rules, keys, clock);
    const token = await theirs.sign('one');
    const waiting = Array.from({ length: 20 }, () => many.verify(token));
    gate.resolve(undefined);
    await Promise.all(waiting);
    expect(asked).toBe(1);
  });

  it('may be rotated: a new one is found, and one that is gone is good no more once they are read again', async () => {
    expect(await outcome('one')).toBe('good');
    clock.atMs += 31_000;
    await theirs.newKey('two');
    expect(await outcome('two')).toBe('good');
    const old = await theirs.sign('one', long);
    theirs.drop('one');
    clock.atMs += 10 * 60_000;
    await expect(tokens.verify(old)).rejects.toMatchObject({ check: 'key' });
  });

  it('are not read for every token that names one that nobody knows', async () => {
    const other = await new Issuer().newKey('unknown');
    const token = await other.sign('unknown', long);
    for (let turn = 0; turn < 50; turn += 1) {
      await expect(tokens.verify(token)).rejects.toMatchObject({ check: 'key' });
      clock.atMs += 1000;
    }
    expect(loads).toBe(2);
  });

  it('are not asked for at every token while the issuer is away', async () => {
    isAway = true;
    for (let turn = 0; turn < 10; turn += 1) {
      expect(await outcome('one')).toBe('away');
      clock.atMs += 1000;
    }
    expect(loads).toBe(2);
    isAway = false;
    clock.atMs += 5000;
    expect(await outcome('one')).toBe('good');
  });

  it('are good for an hour, and no longer, when they can not be read again', async () => {
    expect(await outcome('one')).toBe('good');
    isAway = true;
    clock.atMs += 59 * 60_000;
    expect(await outcome('one')).toBe('good');
    clock.atMs += 2 * 60_000;
    expect(await outcome('one')).toBe('away');
  });
});

describe('a set of keys', () => {
  it('leaves out shared secrets and private keys', async () => {
    const { keys } = await theirs.keySet();
    const [one] = keys;
    const set = { keys: [{ kty: 'oct', k: 'AAAA', kid: 'x' }, { ...one, kid: 'private', d: 'AAAA' }, ...keys] };
    expect(readKeySet(set, 'test').keys.map(({ kid }) => kid)).toEqual(['one']);
  });

  it.each([
    [null],
    [[]],
    [{}],
    [{ keys: [] }],
    [{ keys: 'x' }],
    [{ keys: [{ kty: 'oct', k: 'AAAA' }] }],
    [{ keys: Array.from({ length: 65 }, () => ({ kty: 'EC' })) }],
  ])('is not %j', (document) => {
    expect(() => readKeySet(document, 'test')).toThrow(IssuerUnavailable);
  });
});
