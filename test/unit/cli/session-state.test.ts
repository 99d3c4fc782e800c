import { once } from 'node:events';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stateAndUsageOf, stateOf, whyLines } from '../../../src/cli/session-state.js';
import { readProcessIdentity } from '../../../src/kit/process-identity.js';
import type { SessionRecord } from '../../../src/session/record.js';
import { Served } from '../session/control/support/visited.js';
import { record } from '../session/support/records.js';

const nowhere = '/nonexistent/paddock/s';

it.each(['attached', 'detached'] as const)(
  'a %s session is being made as long as whoever makes it lives',
  async (kind) => {
    const self = await readProcessIdentity();
    const unfinished = record({ kind, state: 'creating', ...(self && { owner: self }) });
    expect(await stateOf(unfinished, nowhere)).toEqual({ state: 'creating' });
    const gone = { ...unfinished, owner: { ...unfinished.owner, startTimeTicks: 1 } };
    expect(await stateOf(gone, nowhere)).toEqual({ state: 'orphaned' });
  },
);

describe('of a session whose sandbox can not be seen', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'paddock-state-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const noNumber = { id: 'c', initPid: 0, namespace: 'pid:[1]', initStartTicks: 1 };

  /** That of a server in a container, to somebody on the host. */
  async function unseen(changes: Partial<SessionRecord> = {}): Promise<SessionRecord> {
    const self = await readProcessIdentity();
    if (self === undefined) throw new Error('no /proc');
    const owner = { ...self, pidNamespace: 'pid:[2]' };
    return record({ owner, container: noNumber, deadlineAtMs: Date.now() + 3_600_000, ...changes });
  }

  it('it runs where who holds it says so, also where it only has another number there', async () => {
    await using served = await Served.make(() => Promise.resolve(0));
    expect(await stateOf(await unseen(), served.path)).toEqual({ state: 'running' });
    const numbered = await unseen({ container: { ...noNumber, initPid: 7 } });
    expect(await stateOf(numbered, served.path)).toEqual({ state: 'running' });
    const inSameContainer = { ...(await unseen()), owner: (await readProcessIdentity()) ?? numbered.owner };
    expect(await stateOf(inSameContainer, served.path)).toEqual({ state: 'running' });
  });

  it('it has ended where who holds it says so, or by its time, or with the boot', async () => {
    await using served = await Served.make(() => Promise.resolve(0));
    served.session.sandbox.alive = false;
    expect(await stateOf(await unseen(), served.path)).toEqual({ state: 'ended' });
    expect(await stateOf(await unseen({ deadlineAtMs: 1 }), nowhere)).toEqual({ state: 'ended' });
    const { owner } = await unseen();
    expect(await stateOf(await unseen({ owner: { ...owner, bootId: 'x' } }), nowhere)).toEqual({ state: 'ended' });
  });

  it('who holds it is asked once for what it is at and for what it uses', async () => {
    let asked = 0;
    await using served = await Served.make(
      () => Promise.resolve(0),
      () => {
        asked += 1;
        return undefined;
      },
    );
    const look = await stateAndUsageOf(await unseen(), served.path);
    expect([look, asked]).toEqual([
      { seen: { state: 'running' }, held: expect.objectContaining({ isAlive: true }) },
      1,
    ]);
  });

  it('and not again where it gives no answer', async () => {
    const path = join(folder, 's');
    let visits = 0;
    const server = createServer((socket) => {
      visits += 1;
      socket.destroy();
    }).listen(path);
    await once(server, 'listening');
    const { seen, held } = await stateAndUsageOf(await unseen(), path);
    expect([seen.state, held, visits]).toEqual(['unknown', {}, 1]);
    server.close();
  });

  it('it has ended where the socket of who held it refuses; where there is none, nothing is known', async () => {
    const path = join(folder, 's');
    const server = createServer().listen(`${path}-before`);
    await once(server, 'listening');
    await rename(`${path}-before`, path);
    server.close();
    await once(server, 'close');
    expect(await stateOf(await unseen(), path)).toEqual({ state: 'ended' });
    const one = await stateOf(await unseen(), join(folder, 'none'));
    expect(one).toEqual({ state: 'unknown', stateWhy: expect.stringContaining('can’t be seen') as string });
    expect(whyLines([{ sessionId: 'a', ...one }, { sessionId: 'b' }])).toEqual([`a: unknown: ${one.stateWhy}`]);
  });
});
