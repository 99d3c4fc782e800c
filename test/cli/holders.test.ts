import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { McpClient } from '../e2e/support/client.js';
import { keeperGone, keeperOf, keepersOf } from '../e2e/support/keeper.js';
import { commandsNaming, containersOf, leftOvers } from '../e2e/support/left-overs.js';
import { document, finished, paddock, printed, startPaddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { Places } from '../e2e/support/places.js';
import { RawServer } from '../e2e/support/raw-server.js';
import { engineKinds, uniqueName } from '../engine/support/engines.js';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

async function create(place: Place, ...more: string[]): Promise<string> {
  const made = await paddock(place, ['create', '--json', ...more]);
  expect(made.stderr).toBe('');
  return document(made)['sessionId'] as string;
}

async function commandsOf(place: Place, id: string) {
  return document(await paddock(place, ['ps', '--json', id])) as {
    held: boolean;
    commands: { state: string; argv: string[]; exitCode?: number }[];
  };
}

/** Starts `paddock exec` and resolves when its command has said `begun`. */
async function begin(place: Place, id: string, script: string) {
  const child = startPaddock(place, ['exec', id, '--', 'sh', '-c', `echo begun; ${script}`]);
  await printed(child, 'begun');
  return { child, end: finished(child) };
}

describe.each(engineKinds)('a detached session on %s', (kind) => {
  const places = new Places(kind);
  let place: Place;

  beforeEach(async () => {
    place = await places.make();
  });
  afterEach(() => places.empty());
  afterAll(() => places.gone());

  it('is taken by one keeper when two want to use it first, and both commands run', async () => {
    const id = await create(place);
    expect(await commandsOf(place, id)).toEqual({ sessionId: id, held: false, commands: [] });
    const both = await Promise.all(
      [3, 4].map((n) => paddock(place, ['exec', id, '--', 'sh', '-c', `sleep 0.5; exit ${n}`])),
    );
    expect(both.map(({ status, stderr }) => [status, stderr])).toEqual([
      [3, ''],
      [4, ''],
    ]);
    await expect.poll(() => keepersOf(place), { timeout: 5000 }).toHaveLength(1);
    const { held, commands } = await commandsOf(place, id);
    expect([held, commands.map(({ state, exitCode }) => `${state} ${exitCode}`).sort()]).toEqual([
      true,
      ['finished 3', 'finished 4'],
    ]);
  });

  it('passes megabytes both ways through its keeper, streams apart, several at once', async () => {
    const id = await create(place);
    const bytes = randomBytes(5 * 1024 * 1024);
    const [copied, apart, json] = await Promise.all([
      paddock(place, ['exec', id, '--', 'cat'], { stdin: bytes }),
      paddock(place, ['exec', id, '--', 'sh', '-c', 'echo out; echo err >&2; exit 9']),
      paddock(place, ['exec', '--json', id, '--', 'sh', '-c', 'echo out; echo err >&2; exit 9']),
    ]);
    expect([copied.status, copied.stderr, sha256(copied.stdout)]).toEqual([0, '', sha256(bytes)]);
    expect([apart.status, apart.stdout.toString(), apart.stderr]).toEqual([9, 'out\n', 'err\n']);
    expect([json.status, document(json)]).toMatchObject([
      9,
      { sessionId: id, exitCode: 9, reason: 'exited', stdout: { text: 'out\n' }, stderr: { text: 'err\n' } },
    ]);
    await paddock(place, ['exec', id, '--', 'sh', '-c', 'echo last words >&2']);
    expect((await paddock(place, ['logs', id])).stdout.includes('\nlast words\n')).toBe(true);
  });

  it('tells a command that runs in it when it is removed', async () => {
    const id = await create(place);
    const { end } = await begin(place, id, 'sleep 600');
    expect((await paddock(place, ['rm', id])).status).toBe(0);
    expect(await end).toMatchObject({ status: 137, stderr: expect.stringContaining('the session ended') });
  });

  it('ends a command and its tree on Ctrl-C, also when that does not read its input', async () => {
    const id = await create(place);
    const mark = uniqueName('ctrl-c');
    const { child, end } = await begin(place, id, `(sleep 600; : ${mark}) & sleep 600; : ${mark}`);
    child.stdin?.on('error', () => undefined).write(Buffer.alloc(8 * 1024 * 1024));
    expect(commandsNaming(mark).length).toBeGreaterThan(0);
    child.kill('SIGINT');
    expect((await end).status).toBe(130);
    await expect
      .poll(() => commandsNaming(`: ${mark}`).filter((pid) => pid !== child.pid), { timeout: 5000 })
      .toEqual([]);
  });

  it('ends the command of a client that was killed', async () => {
    const id = await create(place);
    const mark = uniqueName('gone');
    const { child, end } = await begin(place, id, `sleep 600; : ${mark}`);
    child.kill('SIGKILL');
    await end;
    await expect.poll(() => commandsNaming(`: ${mark}`), { timeout: 10_000 }).toEqual([]);
    expect((await paddock(place, ['exec', id, '--', 'true'])).status).toBe(0);
  });

  it.each([
    ['killed', 'SIGKILL'],
    ['asked to end', 'SIGTERM'],
  ] as const)('outlives a keeper that is %s; the next one follows what still runs', async (_, signal) => {
    const id = await create(place, '--project', place.project, '--workspace', 'ro');
    const script = 'until [ -e /workspace/go ]; do sleep 0.1; done; echo after the keeper; sleep 600';
    const { end } = await begin(place, id, script);
    const killed = keeperOf(place);
    process.kill(killed, signal);
    const lost = await end;
    expect(lost.status).toBe(125);
    expect(lost.stderr).toContain('CHANNEL_UNAVAILABLE');
    expect(lost.stderr).toContain('the command runs on');
    expect(lost.stderr).toContain(`paddock logs ${id}`);
    expect((await paddock(place, ['exec', id, '--', 'echo', 'again'])).stdout.toString()).toBe('again\n');
    expect(keeperOf(place)).not.toBe(killed);
    const { commands } = await commandsOf(place, id);
    expect(commands.map(({ state }) => state).sort()).toEqual(['finished', 'running']);
    await paddock(place, ['exec', id, '--', 'true']);
    await writeFile(join(place.project, 'go'), '');
    await expect
      .poll(async () => (await paddock(place, ['logs', id])).stdout.toString(), { timeout: 10_000, interval: 300 })
      .toContain('after the keeper');
    expect(document(await paddock(place, ['audit', 'verify', '--json']))).toMatchObject({ ok: true });
  });

  it('is refused once it is past its deadline, and its keeper ends', async () => {
    const id = await create(place, '--lifetime', '12s');
    const { end } = await begin(place, id, 'sleep 600');
    expect(await end).toMatchObject({ status: 137, stderr: expect.stringContaining('the session ended') });
    const late = await paddock(place, ['exec', '--json', id, '--', 'true']);
    expect([late.status, document(late)]).toMatchObject([125, { error: { code: 'SESSION_ENDED' } }]);
    await keeperGone(place);
    await paddock(place, ['prune']);
  });

  it('warns of its deadline, is ended by its keeper once it was idle for too long, and says so', async () => {
    const id = await create(place, '--idle', '4s', '--lifetime', '4m');
    const ran = await paddock(place, ['exec', id, '--', 'sleep', '6']);
    expect(ran).toMatchObject({ status: 0, stderr: expect.stringContaining('paddock: the session ends in 3m') });
    const inspected = async () => document(await paddock(place, ['inspect', '--json', id]));
    await expect
      .poll(inspected, { timeout: 30_000, interval: 500 })
      .toMatchObject({ state: 'ended', endedBecause: 'idle' });
    await keeperGone(place);
    const late = await paddock(place, ['exec', '--json', id, '--', 'true']);
    expect([late.status, document(late)]).toMatchObject([125, { error: { code: 'SESSION_ENDED' } }]);
    expect(late.stdout.toString()).toContain('sessions.idle');
    expect((await paddock(place, ['prune'])).stdout.toString()).toContain(`removed ${id}`);
  });

  it('does not notice visitors that talk nonsense or never read', async () => {
    const id = await create(place);
    expect((await paddock(place, ['exec', id, '--', 'true'])).status).toBe(0);
    const path = join(place.root, 'run', 'channels', id, 'control.sock');
    const exec = JSON.stringify({ say: 'exec', request: { argv: ['yes'] }, hasInput: false });
    const header = Buffer.from([exec.length, 0, 0, 0, 1]);
    const visitors = [Buffer.from('garbage, and more of it'), Buffer.concat([header, Buffer.from(exec)])].map(
      (bytes) => {
        const socket = connect(path)
          .on('error', () => undefined)
          .pause();
        socket.write(bytes);
        return socket;
      },
    );
    await expect
      .poll(async () => (await commandsOf(place, id)).commands.filter(({ state }) => state === 'running'))
      .toHaveLength(1);
    expect((await paddock(place, ['exec', id, '--', 'echo', 'fine'])).stdout.toString()).toBe('fine\n');
    for (const socket of visitors) socket.destroy();
    await expect
      .poll(async () => (await commandsOf(place, id)).commands.filter(({ state }) => state === 'running'), {
        timeout: 10_000,
      })
      .toEqual([]);
  });
});

describe.each(engineKinds)('a session that a server holds on %s', (kind) => {
  let place: Place;

  beforeAll(async () => {
    place = await Place.make(kind);
  });

  afterAll(async () => {
    expect(await leftOvers(place, [kind])).toEqual([]);
    expect(keepersOf(place)).toEqual([]);
    await place[Symbol.asyncDispose]();
  });

  it('is used by others beside the assistant, under their own name, until it is destroyed', async () => {
    await using mcp = await McpClient.start(place);
    const id = await mcp.create({ workspace: 'none' });
    const several = await Promise.all(
      [0, 1, 2].map((n) => paddock(place, ['exec', id, '--', 'sh', '-c', `cat; exit ${n}`], { stdin: `in ${n}` })),
    );
    expect(several.map(({ status, stdout }) => [status, stdout.toString()])).toEqual(
      [0, 1, 2].map((n) => [n, `in ${n}`]),
    );
    expect((await commandsOf(place, id)).commands).toHaveLength(3);
    const { end } = await begin(place, id, 'sleep 600');
    expect((await mcp.call('destroy_session', { sessionId: id })).isError).toBe(false);
    expect(await end).toMatchObject({ status: 137, stderr: expect.stringContaining('the session ended') });
    const lines = (await readFile(place.auditLog, 'utf8')).split('\n').filter((line) => line.includes('command.run'));
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line).toContain('"paddock exec"');
    expect(document(await paddock(place, ['audit', 'verify', '--json']))).toMatchObject({ ok: true, openIntents: 0 });
  });

  it('ends under its visitors when the client of the server goes', async () => {
    const server = await RawServer.start(place);
    const { sessionId } = await server.use<{ sessionId: string }>('create_session', { workspace: 'none' });
    const { end } = await begin(place, sessionId, 'sleep 600');
    server.child.stdin?.end();
    expect(await end).toMatchObject({ status: 137, stderr: expect.stringContaining('the session ended') });
    expect(await server.exited).toBe(0);
  });

  it('ends within two seconds of the kill of its server, by itself', async () => {
    const server = await RawServer.start(place);
    const { sessionId } = await server.use<{ sessionId: string }>('create_session', { workspace: 'none' });
    const mark = uniqueName('orphan');
    void server.call('execute_command', { sessionId, command: `sleep 600; : ${mark}` });
    const { end } = await begin(place, sessionId, `sleep 600; : ${mark}`);
    await expect.poll(() => commandsNaming(`sleep 600; : ${mark}`).length, { timeout: 10_000 }).toBeGreaterThan(1);
    server.child.kill('SIGKILL');
    await server.exited;
    const inside = () => commandsNaming(`: ${mark}`).filter((pid) => !commandsNaming('exec').includes(pid));
    await expect.poll(inside, { timeout: 2000, interval: 20 }).toEqual([]);
    const lost = await end;
    expect([lost.status, lost.stderr]).toEqual([125, expect.stringContaining('SESSION_ENDED')]);
    await paddock(place, ['prune']);
    expect(await containersOf(place, kind)).toEqual([]);
  });
});
