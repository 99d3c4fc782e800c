import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyAudit } from '../../src/audit/verify.js';
import { engineKinds, uniqueName } from '../engine/support/engines.js';
import { McpClient } from './support/client.js';
import { type Decoys, standBeside } from './support/decoys.js';
import { commandsNaming, leftOvers } from './support/left-overs.js';
import { paddock } from './support/paddock.js';
import { Place } from './support/place.js';
import { pruneAll } from './support/prune-all.js';
import { RawServer } from './support/raw-server.js';
import { startService } from './support/service.js';

describe.each(engineKinds)('after kill -9 of a server on %s', (kind) => {
  let place: Place;
  let decoys: Decoys;

  beforeAll(async () => {
    place = await Place.make(kind);
    decoys = await standBeside(kind);
  });

  afterAll(async () => {
    await decoys[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  });

  async function expectNothingLeft(): Promise<void> {
    const report = await pruneAll(place);
    expect(report).toMatchObject({ kept: [], pending: [], unreadable: [] });
    expect(await leftOvers(place, [kind])).toEqual([]);
    await decoys.expectUntouched();
    expect(await verifyAudit(place.auditLog)).toMatchObject({ ok: true });
  }

  it('while it creates sessions, at several moments', async () => {
    // The first creation imports the host image, once.
    await paddock(place, ['run', '--', 'true']);
    for (const delayMs of [0, 20, 60, 120, 250]) {
      const server = await RawServer.start(place);
      void server.call('create_session', { projectPath: place.project });
      // From the first trace of the creation on: before that there is nothing that could be left.
      const before = (await place.audit()).length;
      await expect
        .poll(async () => (await place.audit()).length, { interval: 2, timeout: 20_000 })
        .toBeGreaterThan(before);
      await sleep(delayMs);
      server.child.kill('SIGKILL');
      await server.exited;
    }
    await expectNothingLeft();
  });

  it('while commands run and while it destroys', async () => {
    const mark = uniqueName('killed');
    for (const step of ['execute', 'destroy']) {
      const server = await RawServer.start(place);
      const { sessionId } = await server.use<{ sessionId: string }>('create_session', { workspace: 'none' });
      void server.call('execute_command', { sessionId, command: `setsid sleep 600 & sleep 600; : ${mark}` });
      await expect.poll(() => commandsNaming(mark).length, { timeout: 10_000 }).toBeGreaterThan(0);
      if (step === 'destroy') {
        void server.call('destroy_session', { sessionId });
        await sleep(30);
      }
      server.child.kill('SIGKILL');
      await server.exited;
    }
    await expectNothingLeft();
    expect(commandsNaming(mark)).toEqual([]);
  });

  it('the next process of ours removes what it left, whatever that was started for', async () => {
    const server = await RawServer.start(place);
    await server.use('create_session', { workspace: 'none' });
    server.child.kill('SIGKILL');
    await server.exited;
    expect(await place.recordFiles()).not.toEqual([]);
    expect((await paddock(place, ['run', '--workspace', 'none', '--', 'true'])).status).toBe(0);
    expect(await leftOvers(place, [kind])).toEqual([]);
    await decoys.expectUntouched();
  });
});

describe('after kill -9 of the client of a podman server', () => {
  it('nothing is left, without any prune', async () => {
    await using place = await Place.make('podman');
    const mark = uniqueName('orphan');
    // A client of its own process, which holds the server's stdin.
    const script = join(import.meta.dirname, 'support', 'client-process.ts');
    const client = spawn(process.execPath, ['--import', 'tsx', script, mark], {
      env: place.env,
      stdio: 'ignore',
      cwd: process.cwd(),
    });
    await expect.poll(() => commandsNaming(`: ${mark}`).length, { timeout: 20_000 }).toBeGreaterThan(0);
    client.kill('SIGKILL');
    await expect.poll(() => leftOvers(place, ['podman']), { timeout: 15_000, interval: 300 }).toEqual([]);
    expect(await verifyAudit(place.auditLog)).toMatchObject({ ok: true, openIntents: 0 });
  });
});

describe('after kill -9 of a podman service', () => {
  it.each(['create', 'execute', 'destroy'])(
    'during %s, calls get a code, and a new service finds nothing left',
    async (step) => {
      // A place of its own: what one step leaves must not be held against the next.
      await using place = await Place.make();
      await mkdir(join(place.root, 's'));
      const socketPath = join(place.root, 's', 'p.sock');
      const env = { PADDOCK_ENGINE: `unix://${socketPath}` };
      const mark = uniqueName('service');
      const service = await startService(socketPath);
      const mcp = await McpClient.start(place, env);
      try {
        const sessionId = await mcp.create({ workspace: 'none' });
        const busy = {
          create: () => mcp.call('create_session', { workspace: 'none' }),
          execute: () => mcp.call('execute_command', { sessionId, command: `sleep 600; : ${mark}`, timeout: '20s' }),
          destroy: () => mcp.call('destroy_session', { sessionId }),
        }[step];
        const answer = busy?.();
        if (step === 'execute')
          await expect.poll(() => commandsNaming(mark).length, { timeout: 10_000 }).toBeGreaterThan(0);
        else await sleep(60);
        service.kill('SIGKILL');
        const result = await answer;
        if (result?.isError === true) expect(result.code).toMatch(/^ENGINE_/);
        expect((await mcp.call('list_sessions')).isError).toBe(false);
      } finally {
        await mcp[Symbol.asyncDispose]();
      }
      const second = await startService(socketPath);
      try {
        expect(await pruneAll(place, env)).toMatchObject({ kept: [], pending: [] });
        expect(await leftOvers(place, ['podman'])).toEqual([]);
        expect(commandsNaming(mark)).toEqual([]);
        expect(await verifyAudit(place.auditLog)).toMatchObject({ ok: true });
      } finally {
        second.kill('SIGTERM');
      }
    },
  );
});
