import { afterEach, beforeEach, expect, it } from 'vitest';
import { KeyLimits, OverallLimits } from '../../../../src/keys/key-limits.js';
import { deferred } from '../../../../src/kit/deferred.js';
import { usualMessageBounds } from '../../../../src/mcp/message-size.js';
import { HttpStage, keyOf, type Reply } from './support/stage.js';

type Who = keyof typeof keyOf;

const adasCalls = 40;
const overall = { callsPerMinute: 20_000, createsPerHour: 10 };
let stage: HttpStage;

beforeEach(async () => {
  const all = new OverallLimits(overall);
  const limits = {
    ada: new KeyLimits({ callsPerMinute: adasCalls, createsPerHour: 1, sessions: 1 }, all),
    bob: new KeyLimits({ callsPerMinute: 10_000, createsPerHour: 1, sessions: 1 }, all),
  };
  const rate = (caller: string | undefined) =>
    caller === undefined ? all.stranger() : limits[caller as Who].request();
  stage = new HttpStage(
    { requests: 8, mcpSessions: 4, message: { ...usualMessageBounds, bytes: 4096 }, bodiesBytes: 32_768 },
    { rate },
  );
  stage.gateOf = (caller) => () => limits[caller as Who].call();
  await stage.start();
});

afterEach(async () => {
  await stage[Symbol.asyncDispose]();
  expect(stage.errors).toEqual([]);
});

const headersOf = (who: Who, session?: string) => ({
  ...{ authorization: `Bearer ${keyOf[who]}`, 'mcp-protocol-version': '2025-06-18' },
  ...(session === undefined ? {} : { 'mcp-session-id': session }),
});

async function begin(who: Who): Promise<string> {
  return String((await stage.send({ headers: headersOf(who) })).headers['mcp-session-id']);
}

function call(who: Who, session: string, words: string): Promise<Reply> {
  const params = { name: 'whoami', arguments: { words } };
  const body = JSON.stringify({ jsonrpc: '2.0', id: words, method: 'tools/call', params });
  return stage.send({ headers: headersOf(who, session), body });
}

/** Every way to be a nuisance with a key, in turn. */
function nuisances(mine: string, theirs: string): readonly ((i: number) => Promise<Reply>)[] {
  const junk = (body: string) => stage.send({ headers: headersOf('ada', mine), body });
  return [
    (i) => call('ada', mine, `ada-${i}`),
    (i) => call('ada', theirs, `ada-${i}`),
    (i) => call('ada', 'a'.repeat(52 - (i % 2)), `ada-${i}`),
    () => junk('{'),
    () => junk('x'.repeat(5000)),
    () => stage.send({ method: 'DELETE', headers: headersOf('ada', theirs) }),
  ];
}

/** Eight at a time, as many as there may be at once, until there were `count` or it is over. */
async function hammer(
  count: number,
  isOver: () => boolean,
  waysOf: (mine: string) => readonly ((i: number) => Promise<Reply>)[],
): Promise<Reply[]> {
  const ways = waysOf(await begin('ada'));
  const replies: Reply[] = [];
  let next = 0;
  const worker = async () => {
    while (next < count && !isOver()) {
      const i = next++;
      // A body that is too large is answered before it is all sent.
      const reply = await ways[i % ways.length]?.(i).catch(() => undefined);
      if (reply !== undefined) replies.push(reply);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return replies;
}

it('a key that hammers the server gets what it may and nothing of another, whose calls are all answered', async () => {
  const bobs = await begin('bob');
  const adas = { areOver: false };
  // More requests than it may send, and among those that it may more calls than it may make.
  const hammering = hammer(
    6 * adasCalls,
    () => false,
    (mine) => [
      ...nuisances(mine, bobs),
      ...Array.from({ length: 4 }, () => (i: number) => call('ada', mine, `ada-${i}`)),
    ],
  ).finally(() => {
    adas.areOver = true;
  });
  for (let i = 0; i < 60 || !adas.areOver; i += 1) {
    const { status, text } = await call('bob', bobs, `bob-${i}`);
    expect(status).toBe(200);
    expect(text).toContain(`"caller":"bob","words":"bob-${i}"`);
    expect(text).not.toContain('ada');
  }
  const replies = await hammering;
  for (const { text } of replies) expect(text).not.toContain('bob');
  expect(replies.filter(({ text }) => text.includes('"caller":"ada"'))).toHaveLength(adasCalls);
  for (const status of [404, 429]) expect(replies.some((reply) => reply.status === status)).toBe(true);
});

it('a key that hammers gets no more than its calls, and is told when it may again, then by status', async () => {
  const replies = await hammer(
    400,
    () => false,
    (mine) => [(i) => call('ada', mine, `ada-${i}`)],
  );
  expect(replies.filter(({ text }) => text.includes('"caller":"ada"')).length).toBe(adasCalls);
  const refused = replies.filter(({ text }) => text.includes('RATE_LIMITED'));
  expect(refused.length).toBeGreaterThan(0);
  for (const { text } of refused) expect(text).toMatch(/"retryAfterMs":[1-9]/);
  const tooMany = replies.filter(({ status }) => status === 429);
  expect(tooMany.length).toBeGreaterThan(0);
  for (const { headers } of tooMany) expect(Number(headers['retry-after'])).toBeGreaterThan(0);
});

it('a key that is revoked while it hammers is out, with all that is at work for it, and another stays', async () => {
  const [aborted, gate, begun] = [deferred<undefined>(), deferred<undefined>(), deferred<undefined>()];
  stage.work = (words, { signal }) => {
    if (words === 'bob-waits') return gate.promise;
    if (words !== 'ada-waits') return Promise.resolve();
    begun.resolve(undefined);
    signal.addEventListener('abort', () => aborted.resolve(undefined));
    return aborted.promise;
  };
  const bobs = await begin('bob');
  const atWork = call('bob', bobs, 'bob-waits');
  const adas = await begin('ada');
  const hers = call('ada', adas, 'ada-waits').catch(() => 'cut off');
  await begun.promise;
  let isOver = false;
  const hammering = hammer(
    100_000,
    () => isOver,
    (mine) => nuisances(mine, bobs),
  );
  stage.good.delete('ada');
  await stage.sweep();
  await aborted.promise;
  await hers;
  expect(await call('ada', adas, 'ada-again')).toMatchObject({ status: 401 });
  isOver = true;
  for (const { text } of await hammering) expect(text).not.toContain('bob');
  gate.resolve(undefined);
  expect((await atWork).text).toContain('"words":"bob-waits"');
  expect((await call('bob', bobs, 'bob-again')).text).toContain('"words":"bob-again"');
});
