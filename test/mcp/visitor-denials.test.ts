import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { builtInPolicy } from '../../src/config/built-in-policy.js';
import { updateHeld } from '../../src/session/control/client.js';
import { McpClient } from '../e2e/support/client.js';
import { keeperGone } from '../e2e/support/keeper.js';
import { leftOvers } from '../e2e/support/left-overs.js';
import { document, paddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { engineKinds } from '../engine/support/engines.js';

const { denials } = builtInPolicy('/').alarms;

describe.each(engineKinds)('what policy refuses to other processes in a burst, on %s', (kind) => {
  let place: Place;

  beforeAll(async () => {
    place = await Place.make(kind);
  });

  afterEach(async () => {
    await paddock(place, ['rm', '--all']);
    await keeperGone(place);
  });

  afterAll(async () => {
    expect(await leftOvers(place, [kind])).toEqual([]);
    await place[Symbol.asyncDispose]();
  });

  /** As many requests as it takes, over the socket of whoever holds the session. */
  async function burst(sessionId: string): Promise<void> {
    for (let asked = 0; asked < denials; asked += 1) {
      const socket = connect(join(place.root, 'run', 'channels', sessionId, 'control.sock'));
      const asking = updateHeld(socket, { pids: 1e9 }, AbortSignal.timeout(10_000));
      await expect(asking).rejects.toMatchObject({ code: 'POLICY_DENIED' });
    }
  }

  const alarms = async () => (await place.audit()).filter(({ action }) => action === 'session.alarm');

  it('is an alarm of the server that holds the session, which the assistant hears of', async () => {
    await using mcp = await McpClient.start(place);
    const sessionId = await mcp.create({ workspace: 'none' });
    await burst(sessionId);
    await expect.poll(async () => (await alarms()).length).toBe(1);
    const result = await mcp.call('execute_command', { sessionId, argv: ['/usr/bin/true'] });
    expect(result.structured['warning']).toContain(`policy refused ${denials} calls`);
    expect((await mcp.call('destroy_session', { sessionId })).isError).toBe(false);
  });

  it('is one of the process that holds a detached session', async () => {
    const before = (await alarms()).length;
    const id = String(document(await paddock(place, ['create', '--json', '--workspace', 'none']))['sessionId']);
    expect((await paddock(place, ['exec', id, '--', '/usr/bin/true'])).status).toBe(0);
    await burst(id);
    await expect.poll(async () => (await alarms()).length).toBe(before + 1);
    expect((await alarms()).at(-1)?.details).toMatchObject({ kind: 'denials', denials });
  });
});
