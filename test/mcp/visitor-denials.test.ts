import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { builtInPolicy } from '../../src/config/built-in-policy.js';
import { updateHeld } from '../../src/session/control/client.js';
import { McpClient } from '../e2e/support/client.js';
import { document, paddock } from '../e2e/support/paddock.js';
import type { Place } from '../e2e/support/place.js';
import { Places } from '../e2e/support/places.js';
import { engineKinds } from '../engine/support/engines.js';

const { denials } = builtInPolicy('/').alarms;

describe.each(engineKinds)('what policy refuses to other processes in a burst, on %s', (kind) => {
  const places = new Places(kind);
  let place: Place;

  beforeEach(async () => {
    place = await places.make();
  });
  afterEach(() => places.empty());
  afterAll(() => places.gone());

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
