import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { verifyAudit } from '../../src/audit/verify.js';
import { commandsNaming, leftOvers } from '../e2e/support/left-overs.js';
import { Place } from '../e2e/support/place.js';
import { RawServer } from '../e2e/support/raw-server.js';
import { engineKinds, uniqueName } from '../engine/support/engines.js';

type Ending = 'stdin end' | 'SIGTERM' | 'SIGHUP' | 'SIGINT';
const endings: readonly Ending[] = ['stdin end', 'SIGTERM', 'SIGHUP', 'SIGINT'];
interface Created {
  readonly sessionId: string;
}
const longestEndMs = 10_000;

async function busyServer(place: Place, mark: string): Promise<RawServer> {
  const server = await RawServer.start(place);
  const created = await Promise.all([
    server.use<Created>('create_session', { projectPath: place.project, workspace: 'rw' }),
    server.use<Created>('create_session', { workspace: 'none' }),
  ]);
  for (const { sessionId } of created) {
    // Deaf to SIGTERM, and with a child that has left its process group.
    const command = `trap '' TERM; setsid sleep 600 & sleep 600; : ${mark}`;
    await server.call('execute_command', { sessionId, command, background: true });
  }
  // A call with background: true returns when the engine has taken the command; its shell may not have begun yet.
  await expect.poll(() => commandsNaming(mark).length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2);
  return server;
}

describe.each(engineKinds)('a server on %s that is told to end', (kind) => {
  it.each(endings)('by %s, ends every session with its commands, and itself, within ten seconds', async (ending) => {
    await using place = await Place.make(kind);
    const mark = uniqueName('ending');
    await using server = await busyServer(place, mark);
    const began = Date.now();
    if (ending === 'stdin end') server.child.stdin?.end();
    else server.child.kill(ending);
    await server.exited;
    expect(Date.now() - began).toBeLessThan(longestEndMs);
    expect(server.child.signalCode).toBeNull();
    expect(commandsNaming(mark)).toEqual([]);
    expect(await leftOvers(place, [kind])).toEqual([]);
    expect(await verifyAudit(place.auditLog)).toMatchObject({ ok: true, openIntents: 0 });
    for (const message of server.messages) expect(message.jsonrpc).toBe('2.0');
  });

  it('in the middle of a creation and of a call that waits, leaves nothing either', async () => {
    await using place = await Place.make(kind);
    const mark = uniqueName('midway');
    await using server = await busyServer(place, mark);
    const { sessions } = await server.use<{ sessions: Created[] }>('list_sessions', {});
    const sessionId = sessions[0]?.sessionId;
    void server.call('execute_command', { sessionId, command: `sleep 600; : ${mark}` });
    void server.call('create_session', { workspace: 'none' });
    server.child.kill('SIGTERM');
    await server.exited;
    expect(commandsNaming(mark)).toEqual([]);
    expect(await leftOvers(place, [kind])).toEqual([]);
  });
});

describe('a podman server whose client stops reading', () => {
  it('ends when the reading end of its stdout is closed', async () => {
    await using place = await Place.make('podman');
    await using server = await busyServer(place, uniqueName('deaf'));
    const closed = once(server.child, 'exit');
    server.child.stdout?.destroy();
    // Nothing tells a writer but its next write.
    server.send('{"jsonrpc":"2.0","id":500,"method":"tools/list"}');
    await closed;
    expect(await leftOvers(place, ['podman'])).toEqual([]);
  });
});
