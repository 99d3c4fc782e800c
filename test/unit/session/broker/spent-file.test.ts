import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BrokerCaps } from '../../../../src/egress/broker/ledger.js';
import { SpentFile } from '../../../../src/session/broker/spent-file.js';
import { sendJson } from '../../egress/broker/support/fake-provider.js';
import { ask } from '../../egress/broker/support/inside.js';
import { message, messageAnswer, opened } from '../../egress/broker/support/open.js';

const bytesCap = 25_600;
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paddock-spent-'));
  path = join(folder, 'session.spent');
});
afterEach(() => rm(folder, { recursive: true }));

type Answer = Parameters<typeof opened>[0];
const answer: Answer = (_request, response) => sendJson(response, messageAnswer);

/** One call by a holder of its own, and its status and rule. */
async function called(caps: BrokerCaps, answered = answer, body = message()): Promise<readonly unknown[]> {
  using spending = new SpentFile(path, caps.bytes ?? bytesCap);
  await using holder = await opened(answered, { caps, spending });
  const { status, headers } = await ask(holder.broker, { path: '/anthropic/v1/messages', body });
  expect(holder.broker.usage().requests).toBe(status === 200 ? 1 : 0);
  return [status, headers['x-paddock-rule']];
}

describe('what the broker of a session has used up under all of its holders', () => {
  it.each<[string, BrokerCaps]>([
    ['requests', { requests: 2 }],
    ['tokens', { tokens: 16 }],
    ['cost', { costUsd: 0.0001 }],
    ['bytes', { bytes: 2 * (message().length + JSON.stringify(messageAnswer).length) }],
  ])('counts for the cap on %s under the next one', async (_what, caps) => {
    expect(await called(caps)).toEqual([200, undefined]);
    expect(await called(caps)).toEqual([200, undefined]);
    expect(await called(caps)).toEqual([429, 'broker.cap']);
  });

  it('has calls of unknown cost in it, after which a cap on cost holds nothing any more', async () => {
    expect(await called({}, answer, message({ model: 'some-gateway-model' }))).toEqual([200, undefined]);
    expect(await called({ costUsd: 1 })).toEqual([429, 'broker.price']);
  });

  it('has the most that a call under way may use, for whoever comes after a kill, and what it used once it has ended', async () => {
    let underWay: SpentFile['before'] | undefined;
    await called({}, (_request, response) => {
      using next = new SpentFile(path, bytesCap);
      underWay = next.before;
      sendJson(response, messageAnswer);
    });
    expect(underWay).toMatchObject({ requests: 1, unpriced: 0 });
    expect(underWay?.tokens).toBeGreaterThan(15);
    expect(underWay?.bytes).toBeGreaterThan(0);
    using after = new SpentFile(path, bytesCap);
    // 10 tokens of input at 2 dollars for a million, 5 of output at 10.
    expect(after.before).toMatchObject({ requests: 1, tokens: 15, costUsd: 70e-6, unpriced: 0 });
  });

  it('keeps bytes ahead of what has gone, at most by a 256th of the cap, and in the end to the byte', () => {
    const killed = new SpentFile(path, bytesCap);
    for (let bytes = 37; bytes < 5_000; bytes += 37) {
      killed.note({ bytes });
      using next = new SpentFile(path, bytesCap);
      expect(next.before.bytes).toBeGreaterThanOrEqual(bytes);
      expect(next.before.bytes).toBeLessThanOrEqual(bytes + 100);
    }
    killed.note({ bytes: 5_000, requests: 1 });
    killed[Symbol.dispose]();
    // Too late, as of a call that ends after its broker.
    killed.note({ bytes: 9_000, requests: 9 });
    using next = new SpentFile(path, bytesCap);
    expect(next.before).toMatchObject({ bytes: 5_000, requests: 1 });
  });

  it('is everything where it can’t be read, and nothing yet where there is no place for it', async () => {
    await writeFile(path, '00000000000000000001 00000000000000000001\n');
    expect(await called({})).toEqual([200, undefined]);
    for (const caps of [{ requests: 1e6 }, { tokens: 1e6 }, { costUsd: 1e3 }, { bytes: 1e9 }]) {
      await writeFile(path, 'no numbers');
      expect(await called(caps)).toEqual([429, 'broker.cap']);
    }
    path = join(folder, 'nowhere', 'session.spent');
    expect(await called({ requests: 1, tokens: 1, bytes: 1e6 })).toEqual([200, undefined]);
  });
});
