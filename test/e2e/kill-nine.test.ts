import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyAudit } from '../../src/audit/verify.js';
import { labels } from '../../src/core/labels.js';
import type { Engine, EngineKind } from '../../src/engine/types.js';
import { emptyRootTar, engineKinds, openTestEngine, sleeperBody, uniqueName } from '../engine/support/engines.js';
import { McpClient } from './support/client.js';
import { commandsNaming, leftOvers } from './support/left-overs.js';
import { document, paddock } from './support/paddock.js';
import { Place } from './support/place.js';
import { RawServer } from './support/raw-server.js';

/** Prunes, and once more as if a minute had passed: so long a creation that was cut off may still come up. */
async function pruneAll(place: Place, env: Record<string, string> = {}): Promise<Record<string, unknown>> {
  await prune(place, env);
  await age(join(place.stateDir, 'sessions'), 61_000);
  return prune(place, env);
}

async function prune(place: Place, env: Record<string, string>): Promise<Record<string, unknown>> {
  const result = await paddock(place, ['prune', '--json'], { env });
  expect([result.status, result.stderr]).toEqual([0, '']);
  return document(result);
}

/** Makes every record, and every file beside them, older. */
async function age(folder: string, byMs: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (name.endsWith('.json')) {
      const record = JSON.parse(await readFile(path, 'utf8')) as { createdAtMs: number };
      await writeFile(path, JSON.stringify({ ...record, createdAtMs: record.createdAtMs - byMs }));
    }
    const then = new Date(Date.now() - byMs);
    await utimes(path, then, then);
  }
}

interface Decoys extends AsyncDisposable {
  expectUntouched(): Promise<void>;
}

/** What stands beside: forged labels with a name like ours, somebody's own container, and a second live server. */
async function standBeside(kind: EngineKind): Promise<Decoys> {
  const engine = await openTestEngine(kind);
  const image = `localhost/${uniqueName('decoy')}:1`;
  await engine.importImage(image, emptyRootTar());
  const forged = {
    [labels.session]: 'pdk_aaaaaaaaaaaaaaaaaaaaaaaaaa',
    [labels.nonce]: 'a'.repeat(26),
    [labels.owner]: String(process.getuid?.()),
    [labels.deadline]: '2020-01-01T00:00:00.000Z',
  };
  const ids = await Promise.all([
    startDecoy(engine, kind, `paddock-${uniqueName('x').slice(2)}`, image, forged),
    startDecoy(engine, kind, uniqueName('own'), image, {}),
  ]);
  const place = await Place.make(kind);
  const mcp = await McpClient.start(place);
  const sessionId = await mcp.create({ workspace: 'none' });
  return {
    async expectUntouched() {
      for (const id of ids) expect((await engine.inspectContainer(id)).running).toBe(true);
      const answer = await mcp.call('execute_command', { sessionId, argv: ['echo', 'alive'] });
      expect(answer.structured['stdout']).toBe('alive\n');
    },
    async [Symbol.asyncDispose]() {
      await mcp[Symbol.asyncDispose]();
      for (const id of ids) await engine.removeContainer(id);
      await engine.removeImage(image);
      await engine[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}

async function startDecoy(
  engine: Engine,
  kind: EngineKind,
  name: string,
  image: string,
  with_: Record<string, string>,
) {
  const { id } = await engine.createContainer(name, sleeperBody(kind, image, with_));
  await engine.startContainer(id);
  return id;
}

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
  // Without our settings, so that the service itself is not taken for something left.
  const { PATH = '', HOME = '', XDG_RUNTIME_DIR = '' } = process.env;
  const serviceEnv = { PATH, HOME, XDG_RUNTIME_DIR };

  async function startService(socketPath: string): Promise<ChildProcess> {
    const child = spawn('podman', ['system', 'service', '--time=0', `unix://${socketPath}`], {
      env: serviceEnv,
      stdio: 'ignore',
    });
    await expect.poll(() => answers(socketPath), { timeout: 10_000 }).toBe(true);
    return child;
  }

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

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const call = request({ socketPath: path, path: '/_ping' }, (reply) => resolve(reply.statusCode === 200));
    call.on('error', () => resolve(false)).end();
  });
}
