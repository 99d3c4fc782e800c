import { type ClientRequest, request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/kit/clock.js';
import type { HttpBounds } from '../../../../src/mcp/http/bounds.js';
import { HttpStage, keyOf } from './support/stage.js';

type Who = keyof typeof keyOf;
let stage: HttpStage;
let waiting: ClientRequest[] = [];
/** Requests that the server has counted. */
let counted = 0;

afterEach(async () => {
  for (const one of waiting) one.destroy();
  waiting = [];
  counted = 0;
  await stage[Symbol.asyncDispose]();
  expect(stage.errors).toEqual([]);
});

/** Where each of `eager` has sent more than they may. */
async function started(bounds: Partial<HttpBounds>, eager: readonly (Who | undefined)[]): Promise<void> {
  const rate = (caller: string | undefined) => {
    counted += 1;
    return Promise.resolve(eager.includes(caller as Who | undefined) ? 1500 : undefined);
  };
  stage = await new HttpStage(bounds, { rate }).start();
}

/** Undefined: with a key that nobody has. */
const headersOf = (who: Who | undefined) => ({
  authorization: `Bearer ${who === undefined ? 'nobodys' : keyOf[who]}`,
});

interface Begun {
  readonly request: ClientRequest;
  answered: boolean;
}

/** One that the server has, and whose answer is not waited for. */
async function begun(who: Who | undefined): Promise<Begun> {
  const before = counted;
  const one = request(stage.url, { method: 'POST', headers: headersOf(who), agent: false }, () => {
    state.answered = true;
  });
  const state = { request: one, answered: false };
  // Those that wait at the end of a test are hung up on.
  one.on('error', () => undefined);
  one.end();
  waiting.push(one);
  await expect.poll(() => counted).toBe(before + 1);
  return state;
}

/** Once all places to wait are taken one is answered at once. */
async function refusedAtOnce(who: Who): Promise<void> {
  expect((await stage.send({ headers: headersOf(who) })).status).toBe(429);
}

describe('who sends more than they may', () => {
  it('hears it after a pause, with when to come again', async () => {
    await started({ pauseMs: 100 }, ['ada']);
    const beganMs = performance.now();
    const { status, headers } = await stage.send({ headers: headersOf('ada') });
    expect([status, headers['retry-after']]).toEqual([429, '2']);
    // A timer may be a millisecond early.
    expect(performance.now() - beganMs).toBeGreaterThan(95);
    expect(stage.refused).toEqual(['too-many ada']);
  });

  it('waits on so many connections and no more, and keeps nobody else waiting', async () => {
    await started({ pauseMs: 600_000, pausedOfOne: 2 }, ['ada']);
    const [first, second] = [await begun('ada'), await begun('ada')];
    await refusedAtOnce('ada');
    expect((await stage.send({ headers: headersOf('bob') })).status).toBe(200);
    expect([first.answered, second.answered]).toEqual([false, false]);
  });

  it('leaves places to wait, and connections, when all have too many', async () => {
    await started({ pauseMs: 600_000, pausedOfOne: 2, paused: 3 }, ['ada', 'bob']);
    const all = [await begun('ada'), await begun('ada')];
    await refusedAtOnce('ada');
    all.push(await begun('bob'));
    await refusedAtOnce('bob');
    expect(all.map(({ answered }) => answered)).toEqual([false, false, false]);
  });

  it('makes room for the next one by going away', async () => {
    await started({ pauseMs: 600_000, pausedOfOne: 1 }, ['ada']);
    const first = await begun('ada');
    await refusedAtOnce('ada');
    first.request.destroy();
    // Answered at once, each of them, until the server has seen that the first has gone.
    await expect
      .poll(async () => {
        const next = await begun('ada');
        await systemClock.sleep(100);
        return next.answered;
      })
      .toBe(false);
  });

  it('waits as well when nobody knows whose it is, and is told the same as ever', async () => {
    await started({ pauseMs: 600_000, pausedOfOne: 1 }, [undefined]);
    const waits = await begun(undefined);
    expect((await stage.send({ headers: headersOf(undefined) })).status).toBe(401);
    expect((await stage.send({ headers: { authorization: undefined } })).status).toBe(401);
    expect((await stage.send({ path: '/elsewhere' })).status).toBe(404);
    expect((await stage.send({ headers: headersOf('ada') })).status).toBe(200);
    expect([waits.answered, counted]).toEqual([false, 5]);
  });

  it('is hung up on when the server ends', async () => {
    await started({ pauseMs: 600_000, pausedOfOne: 1 }, ['ada']);
    const waits = await begun('ada');
    const gone = new Promise((resolve) => waits.request.once('close', resolve));
    await refusedAtOnce('ada');
    await stage.drain();
    await stage[Symbol.asyncDispose]();
    await gone;
    expect(waits.answered).toBe(false);
  });
});
