import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf } from '../../src/kit/error-code.js';
import { McpClient } from '../e2e/support/client.js';
import { leftOvers } from '../e2e/support/left-overs.js';
import { document, paddock } from '../e2e/support/paddock.js';
import { Place } from '../e2e/support/place.js';
import { engineKinds } from '../engine/support/engines.js';

const canary = 'canary-7f3a';

describe.each(engineKinds)('what sessions leave, with [encryption], on %s', (kind) => {
  let place: Place;
  let mcp: McpClient;
  let env: Record<string, string>;
  let keyFile: string;

  beforeAll(async () => {
    place = await Place.make(kind);
    env = { XDG_CONFIG_HOME: join(place.root, 'config') };
    keyFile = join(place.root, 'kept.key');
    await mkdir(join(place.root, 'config/paddock'), { recursive: true });
    await writeFile(
      join(place.root, 'config/paddock/config.toml'),
      `[encryption]\nkept = true\nkey_file = "${keyFile}"\n`,
    );
    mcp = await McpClient.start(place, env);
  });
  afterAll(async () => {
    await mcp[Symbol.asyncDispose]();
    expect(await leftOvers(place, [kind])).toEqual([]);
    await place[Symbol.asyncDispose]();
  });

  const keygen = () => paddock(place, ['encryption', 'keygen', keyFile, '--json'], { env });
  const cow = () => ({ projectPath: place.project, workspace: 'cow' });
  const inside = async (sessionId: string, command: string) =>
    (await mcp.call('execute_command', { sessionId, command })).structured['stdout'];

  /** Files of the state folder that have the canary in their name or in them. */
  const holding = () => holdingBelow(place.stateDir);

  /** What lies in clear of what is encrypted. */
  const opened = () => readdir(join(place.stateDir, 'opened')).catch(() => []);

  /** A session that has ended, with the canary as a name and in files, and two others. */
  async function ended(): Promise<string> {
    const id = await mcp.create(cow());
    await inside(id, `echo ${canary} >${canary}; echo ${canary} >>hello.txt; echo a >a; echo b >b`);
    expect((await holding()).length).toBeGreaterThan(1);
    const gone = await mcp.call('destroy_session', { sessionId: id });
    expect(gone.text).toMatch(/kept until/);
    expect(gone.text).not.toMatch(/encrypted/i);
    return id;
  }

  it('need a key from their beginning, and are nowhere in clear but while they are worked on', async () => {
    expect((await mcp.call('create_session', cow())).code).toBe('ENCRYPTION_KEY_UNUSABLE');
    expect((await keygen()).status).toBe(0);
    const id = await ended();
    expect(await holding()).toEqual([]);
    const listed = document(await paddock(place, ['changes', '--all', '--json'], { env }));
    expect(listed['sessions']).toMatchObject([{ sessionId: id, encrypted: true }]);
    expect((await mcp.call('review_changes', { sessionId: id })).text).toContain(canary);
    const applied = await mcp.call('apply_changes', { sessionId: id, paths: ['a'] });
    expect(applied.isError, applied.text).toBe(false);
    expect(await readFile(join(place.project, 'a'), 'utf8')).toBe('a\n');
    expect((await mcp.call('discard_changes', { sessionId: id, paths: ['b'] })).isError).toBe(false);
    expect((await mcp.call('review_changes', { sessionId: id })).text).not.toMatch(/\bb\b.*added|added.*\bb\b/);
    const taken = await mcp.call('snapshot_session', { sessionId: id, name: 'base' });
    expect(taken.isError, taken.text).toBe(false);
    expect(await holding()).toEqual([]);
    const again = await mcp.create({ snapshot: 'base', keepChanges: false });
    const forked = await mcp.call('fork_session', { sessionId: id });
    expect(forked.isError, forked.text).toBe(false);
    const fork = String(forked.structured['sessionId']);
    for (const one of [again, fork]) expect(await inside(one, `cat ${canary}`)).toBe(`${canary}\n`);
    await inside(fork, 'echo more >a');
    const { structured } = await mcp.call('compare_sessions', { a: id, b: fork });
    expect(structured['differences']).toMatchObject([{ path: 'a' }]);

    await rename(keyFile, `${keyFile}.away`);
    expect((await mcp.call('review_changes', { sessionId: id })).code).toBe('ENCRYPTION_KEY_UNUSABLE');
    expect((await keygen()).status).toBe(0);
    expect((await mcp.call('apply_changes', { sessionId: id })).code).toBe('ENCRYPTION_KEY_UNUSABLE');
    expect((await mcp.call('create_session', { snapshot: 'base' })).code).toBe('ENCRYPTION_KEY_UNUSABLE');
    await rename(`${keyFile}.away`, keyFile);
    for (const sessionId of [again, fork]) await mcp.call('destroy_session', { sessionId });
    expect(await holding()).toEqual([]);
    expect((await mcp.call('discard_changes', { sessionId: id })).structured['how']).toBe('removed');
  });

  // It is the same whatever engine the session was on.
  if (kind !== 'podman') return;
  it('are encrypted by the server after one that was killed, also where it was killed at that', async () => {
    const id = await mcp.create(cow());
    await inside(id, `echo ${canary} >${canary}; dd if=/dev/urandom of=large bs=1M count=20 2>/dev/null`);
    const ending = mcp.call('destroy_session', { sessionId: id }).catch(() => undefined);
    const isUnderWay = async () =>
      (await readdir(join(place.stateDir, 'layers', id))).some((name) => name.startsWith('upper.age.'));
    await expect.poll(isUnderWay, { interval: 5 }).toBe(true);
    process.kill(mcp.pid, 'SIGKILL');
    await ending;
    expect((await holding()).length).toBeGreaterThan(0);
    await mcp[Symbol.asyncDispose]();
    mcp = await McpClient.start(place, env);
    await mcp.call('list_sessions');
    await expect.poll(holding, { timeout: 60_000 }).toEqual([]);
    const folder = join(place.stateDir, 'layers', id);
    await expect.poll(async () => (await readdir(folder)).sort()).toEqual(['layer.json', 'notes.age', 'upper.age']);
    expect((await mcp.call('review_changes', { sessionId: id })).text).toContain(canary);

    // It is opened in clear when its server ends, one way or the other; only of one that is killed something stays, until there is another.
    for (const end of ['its client leaves', 'SIGTERM', 'SIGKILL'] as const) {
      const review = mcp.call('review_changes', { sessionId: id }).catch(() => undefined);
      await expect.poll(opened, { interval: 2 }).toHaveLength(1);
      if (end !== 'its client leaves') process.kill(mcp.pid, end);
      await mcp[Symbol.asyncDispose]();
      await review;
      await expect.poll(() => isRunning(mcp.pid)).toBe(false);
      expect(await opened(), end).toHaveLength(end === 'SIGKILL' ? 1 : 0);
      mcp = await McpClient.start(place, env);
    }
    // Nobody calls it yet.
    await expect.poll(opened, { timeout: 60_000 }).toEqual([]);
    expect(await holding()).toEqual([]);
  });
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function holdingBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    // The overlay's own, which is empty, and what is being removed.
    if (folder.endsWith('/work/work') || codeOf(error) === 'ENOENT') return [];
    throw error;
  });
  const found = entries.map(async (entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return await holdingBelow(path);
    const isNamed = entry.name.includes(canary);
    return isNamed || (entry.isFile() && (await textOf(path)).includes(canary)) ? [path] : [];
  });
  return (await Promise.all(found)).flat();
}

const textOf = (path: string): Promise<string> =>
  readFile(path, 'latin1').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  });
