import { describe, expect, it } from 'vitest';
import { Approvals, type Ask, type EgressAnswer, type EgressQuestion } from '../../../src/egress/approvals.js';
import { type Deferred, deferred } from '../../../src/kit/deferred.js';
import { HeldClock } from '../tools/support/stage.js';
import { get, refusedConnect, tunnelTo } from './support/client.js';
import { loopback, openRig } from './support/rig.js';
import { openEcho } from './support/servers.js';

interface Asked extends Deferred<EgressAnswer> {
  readonly question: EgressQuestion;
  readonly signal: AbortSignal;
}

/** Somebody who answers when the test says so. */
function openDesk() {
  const asked: Asked[] = [];
  const ask: Ask = (question, signal) => {
    const answer = deferred<EgressAnswer>();
    asked.push({ ...answer, question, signal });
    return answer.promise;
  };
  const clock = new HeldClock();
  return { asked, ask, clock, approvals: new Approvals({ ask, askMs: 120_000, clock }) };
}

const signal = new AbortController().signal;
const questionOf = (host: string): EgressQuestion => ({ host, port: 443, via: 'connect', rule: `https://${host}` });
const one = questionOf('one.test');

describe('a question whether a host may be reached', () => {
  it('is put once for all connections that want the same, and all get the answer', async () => {
    const { approvals, asked } = openDesk();
    const answers = [approvals.answerTo(one, signal), approvals.answerTo(one, signal), approvals.answerTo(one, signal)];
    expect(asked).toHaveLength(1);
    asked[0]?.resolve('allow-once');
    expect(await Promise.all(answers)).toEqual(Array(3).fill('allow-once'));
    expect(asked[0]?.signal.aborted).toBe(true);
  });

  it('is put again after a yes for once', async () => {
    const { approvals, asked } = openDesk();
    for (let round = 0; round < 2; round += 1) {
      const answer = approvals.answerTo(one, signal);
      asked[round]?.resolve('allow-once');
      expect(await answer).toBe('allow-once');
    }
    expect(asked).toHaveLength(2);
  });

  it('is not put again after a no', async () => {
    const { approvals, asked } = openDesk();
    const answer = approvals.answerTo(one, signal);
    asked[0]?.resolve('deny');
    expect(await answer).toBe('deny');
    expect(await approvals.answerTo(one, signal)).toBe('deny');
    expect(asked).toHaveLength(1);
  });

  it('that nobody answers in time is a no, withdrawn, and may be put again', async () => {
    const { approvals, asked, clock } = openDesk();
    const answer = approvals.answerTo(one, signal);
    await clock.pass(119_000, 1000);
    expect(asked[0]?.signal.aborted).toBe(false);
    await clock.pass(1000, 1000);
    expect(await answer).toBe('deny');
    expect(asked[0]?.signal.aborted).toBe(true);
    const again = approvals.answerTo(one, signal);
    asked[1]?.resolve('allow-session');
    expect(await again).toBe('allow-session');
  });

  it('that fails is a no, and may be put again', async () => {
    const { approvals, asked } = openDesk();
    const answer = approvals.answerTo(one, signal);
    asked[0]?.reject(new Error('nobody is there'));
    expect(await answer).toBe('deny');
    void approvals.answerTo(one, signal);
    expect(asked).toHaveLength(2);
  });

  it('is one of eight at most: a ninth host is refused unasked, and asked for later', async () => {
    const { approvals, asked } = openDesk();
    const eight = Array.from({ length: 8 }, (_, at) => approvals.answerTo(questionOf(`no${at}.test`), signal));
    expect(await approvals.answerTo(one, signal)).toBe('deny');
    expect(asked).toHaveLength(8);
    for (const { resolve } of asked) resolve('allow-once');
    await Promise.all(eight);
    void approvals.answerTo(one, signal);
    expect(asked.at(-1)?.question).toEqual(one);
  });

  it('is put to nobody any more after twenty noes', async () => {
    const { approvals, asked } = openDesk();
    for (let at = 0; at < 20; at += 1) {
      const answer = approvals.answerTo(questionOf(`no${at}.test`), signal);
      asked[at]?.resolve('deny');
      expect(await answer).toBe('deny');
    }
    expect(await approvals.answerTo(one, signal)).toBe('deny');
    expect(asked).toHaveLength(20);
  });

  it('is withdrawn when the session ends, as a no', async () => {
    const { approvals, asked } = openDesk();
    const answer = approvals.answerTo(one, signal);
    approvals.close();
    expect(await answer).toBe('deny');
    expect(asked[0]?.signal.aborted).toBe(true);
  });

  it('stays for the others when one of those who wait for it goes', async () => {
    const { approvals, asked } = openDesk();
    const gone = new AbortController();
    const [first, second] = [approvals.answerTo(one, gone.signal), approvals.answerTo(one, signal)];
    gone.abort();
    await expect(first).rejects.toThrow();
    expect(asked[0]?.signal.aborted).toBe(false);
    asked[0]?.resolve('allow-once');
    expect(await second).toBe('allow-once');
  });
});

describe('a host that no rule allows, with a person to ask', () => {
  it('is reached once by allow-once, and from then on by allow-session', async () => {
    await using echo = await openEcho();
    const rules: string[] = [];
    const answers: EgressAnswer[] = ['allow-once', 'allow-session'];
    const ask: Ask = ({ rule }) => {
      rules.push(rule);
      return Promise.resolve(answers.shift() ?? 'deny');
    };
    await using rig = await openRig({ ask, allow: loopback(echo.port) });
    for (let round = 0; round < 4; round += 1) await tunnelTo(rig.httpPort, `allowed.test:${echo.port}`);
    expect(rules).toEqual(Array(2).fill(`allowed.test:${echo.port}`));
    expect(rig.connects).toHaveLength(4);
    expect(rig.told).toEqual([]);
  });

  it('is refused for good by a no, with the rule that would allow it', async () => {
    let asked = 0;
    const ask: Ask = () => {
      asked += 1;
      return Promise.resolve('deny');
    };
    await using rig = await openRig({ ask });
    for (let round = 0; round < 3; round += 1) {
      expect(await refusedConnect(rig.httpPort, 'evil.test:443')).toMatch(/^HTTP\/1\.1 403 [\s\S]*egress\.host/);
    }
    expect(asked).toBe(1);
    expect(rig.told[0]?.hint).toContain('evil.test');
    expect([rig.looked, rig.connects]).toEqual([[], []]);
  });

  it('is not asked about where the site’s list does not cover it, and an address is no question either', async () => {
    let asked = 0;
    const ask: Ask = () => {
      asked += 1;
      return Promise.resolve('allow-session');
    };
    await using rig = await openRig({ ask, ceiling: ['*.allowed.test'], brokered: ['api.allowed.test'] });
    expect(await refusedConnect(rig.httpPort, 'evil.test:443')).toContain('egress.ceiling');
    expect(await get(rig.httpPort, 'http://evil.test/')).toContain('egress.ceiling');
    expect(await refusedConnect(rig.httpPort, 'api.allowed.test:443')).toContain('egress.brokered');
    expect(asked).toBe(0);
    // Allowed by a person as a name, and still not to be had at an address that is not public.
    expect(await refusedConnect(rig.httpPort, 'www.allowed.test:443')).toContain('egress.address');
    expect([asked, rig.connects]).toEqual([1, []]);
  });

  it('is not asked about where it is the host’s own address, though the site’s list is open', async () => {
    let asked = 0;
    const ask: Ask = () => Promise.resolve(asked++ === 0 ? 'allow-once' : 'deny');
    const connect = () => Promise.reject(new Error('nothing is dialled here'));
    const own = () => new Set(['93.184.216.34']);
    await using rig = await openRig({
      ...{ ask, connect, own, ceiling: ['*'], openAllowed: true },
      names: { 'allowed.test': [['93.184.216.34']] },
    });
    expect(await refusedConnect(rig.httpPort, '93.184.216.34:443')).toContain('egress.ceiling');
    expect(asked).toBe(0);
    expect(await refusedConnect(rig.httpPort, 'allowed.test:443')).toContain('an address of the host itself');
  });

  it('ends its connection without an answer when the session ends', async () => {
    const signals: AbortSignal[] = [];
    const ask: Ask = (_, asking) => {
      signals.push(asking);
      return new Promise(() => undefined);
    };
    const rig = await openRig({ ask });
    const answer = refusedConnect(rig.httpPort, 'evil.test:443');
    await expect.poll(() => signals.length, { interval: 2 }).toBe(1);
    await rig[Symbol.asyncDispose]();
    expect(await answer).toBe('');
    expect(signals[0]?.aborted).toBe(true);
  });
});

describe('a rule that is added to a session', () => {
  it('holds at once, has one spelling, and reaches no further than the site’s list', async () => {
    await using echo = await openEcho();
    const [host, port] = ['allowed.test', echo.port];
    await using rig = await openRig({ ceiling: [`*.allowed.test:${port}`, `${host}:${port}`, ...loopback(port)] });
    expect(await refusedConnect(rig.httpPort, `${host}:${port}`)).toMatch(/^HTTP\/1\.1 403 /);
    expect(rig.egress.allow(`Allowed.TEST.:${port}`)).toBe(`allowed.test:${port}`);
    for (const text of loopback(port)) rig.egress.allow(text);
    await tunnelTo(rig.httpPort, `${host}:${port}`);
    for (const [text, rule] of [
      ['evil.test', 'egress.ceiling'],
      ['allowed.test', 'egress.ceiling'],
      ['*.test', 'egress.rule'],
      ['*.example.test', 'egress.ceiling'],
      ['*', 'egress.open'],
      ['not a host', 'egress.rule'],
    ]) {
      const denied = { code: 'POLICY_DENIED', ruleId: rule };
      expect(() => rig.egress.allow(text!)).toThrow(expect.objectContaining(denied));
    }
  });
});
