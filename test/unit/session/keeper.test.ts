import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SessionId } from '../../../src/core/ids.js';
import { systemClock } from '../../../src/kit/clock.js';
import { deferred } from '../../../src/kit/deferred.js';
import { newSessionId } from '../../../src/kit/random-id.js';
import { ask } from '../../../src/session/control/client.js';
import { Keeper, type KeeperOptions } from '../../../src/session/keeper.js';
import { connected } from './control/support/visited.js';

const waiting = { timeout: 5000, interval: 20 };

/** What a keeper needs of a session. */
class KeptSession {
  readonly sandbox: { alive: boolean; endedBecause?: string } = { alive: true };
  readonly letGo = vi.fn(() => Promise.resolve());
}

describe('a keeper', () => {
  let folder = '';
  let path = '';
  let stop: AbortController;
  let running: Promise<void>;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-keeper-'));
    path = join(folder, 's');
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort();
    await running;
    await rm(folder, { recursive: true });
  });

  async function keep(adopt: (id: SessionId, signal: AbortSignal) => Promise<KeptSession>): Promise<void> {
    const options = { path, clock: systemClock, adopt: adopt as unknown as KeeperOptions['adopt'] };
    running = new Keeper(options).run(stop.signal);
    await vi.waitFor(async () => (await connected(path)).destroy(), waiting);
  }

  const hold = async (id: SessionId) => ask(await connected(path), { say: 'hold', sessionId: id });

  it('lets a session go that has ended while another is still being taken over, or let go', async () => {
    const [taken, left, ended] = [newSessionId(), newSessionId(), newSessionId()];
    const slow = deferred<KeptSession>();
    const [leaving, over] = [new KeptSession(), new KeptSession()];
    const gone = deferred<undefined>();
    leaving.letGo.mockImplementation(async () => {
      await gone.promise;
    });
    await keep((id) => (id === taken ? slow.promise : Promise.resolve(id === left ? leaving : over)));
    const taking = hold(taken);
    await hold(left);
    await hold(ended);
    leaving.sandbox.alive = false;
    over.sandbox.endedBecause = 'its channel broke';
    try {
      await vi.waitFor(() => expect(over.letGo).toHaveBeenCalledOnce(), waiting);
    } finally {
      gone.resolve(undefined);
      slow.resolve(new KeptSession());
      await taking;
    }
  });

  it('takes a session that it is letting go over anew only when it has let go of it', async () => {
    const id = newSessionId();
    const [first, second] = [new KeptSession(), new KeptSession()];
    const gone = deferred<undefined>();
    first.letGo.mockImplementation(async () => {
      await gone.promise;
    });
    const adopt = vi.fn(() => Promise.resolve(adopt.mock.calls.length === 1 ? first : second));
    await keep(adopt);
    await hold(id);
    first.sandbox.endedBecause = 'its channel broke';
    await vi.waitFor(() => expect(first.letGo).toHaveBeenCalled(), waiting);
    const again = hold(id);
    await systemClock.sleep(50);
    expect(adopt).toHaveBeenCalledOnce();
    gone.resolve(undefined);
    expect(await again).toEqual({ say: 'held' });
    expect(adopt).toHaveBeenCalledTimes(2);
  });

  it('tells who asks it as another version does, and goes on', async () => {
    await keep(() => Promise.resolve(new KeptSession()));
    const asking = ask(await connected(path), { say: 'hold', sessionId: newSessionId(), since: 5 });
    await expect(asking).rejects.toMatchObject({ code: 'OTHER_VERSION' });
    expect(await hold(newSessionId())).toEqual({ say: 'held' });
  });

  it('that is asked to end lets go of what it holds, gives up what it takes over, and has others ask the next one', async () => {
    const [held, taken] = [newSessionId(), newSessionId()];
    const session = new KeptSession();
    await keep((id, signal) =>
      id === held
        ? Promise.resolve(session)
        : new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('given up')))),
    );
    await hold(held);
    const taking = hold(taken);
    const refused = expect(taking).rejects.toMatchObject({
      code: expect.stringMatching(/SESSION_NOT_YOURS|UNAVAILABLE/),
    });
    await systemClock.sleep(50);
    stop.abort();
    await refused;
    await running;
    expect(session.letGo).toHaveBeenCalledOnce();
  });
});
