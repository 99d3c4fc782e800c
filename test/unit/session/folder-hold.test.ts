import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAlive, type ProcessIdentity, readProcessIdentity } from '../../../src/kit/process-identity.js';
import { holdFolder, refuseHeldFolder } from '../../../src/session/folder-hold.js';
import type { SessionRecord } from '../../../src/session/record.js';
import { codeOf } from '../../support/code-of.js';

describe('the state folder of a server in a container', () => {
  let root = '';
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'paddock-hold-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  const folders = () => ({ stateDir: join(root, 'state'), runtimeDir: join(root, 'run') });
  const store = (...owners: readonly object[]) => ({
    list: () => Promise.resolve({ records: owners.map((owner) => ({ owner }) as SessionRecord), unreadable: [] }),
  });
  const self = async () => (await readProcessIdentity()) as ProcessIdentity;
  const elsewhere = { pidNamespace: 'pid:[1]' };
  /** As if whoever has the folder were in another container. */
  const moveAway = async () => {
    const names = (await readdir(folders().stateDir)).toSorted();
    const path = join(folders().stateDir, names.at(-1) ?? '');
    await writeFile(path, JSON.stringify({ ...(JSON.parse(await readFile(path, 'utf8')) as object), ...elsewhere }));
  };

  it('is its own while it lives, as others of another pid namespace can tell by a socket alone', async () => {
    const hold = await holdFolder(folders(), store());
    await moveAway();
    expect(await codeOf(refuseHeldFolder(folders().stateDir))).toBe('STATE_IN_USE');
    expect(await codeOf(holdFolder(folders(), store()))).toBe('STATE_IN_USE');
    await hold[Symbol.asyncDispose]();
    expect(await codeOf(refuseHeldFolder(folders().stateDir))).toBe('ok');
  });

  it('is free when nobody listens any more, and leaves no socket of one that gave it up', async () => {
    const hold = await holdFolder(folders(), store());
    await moveAway();
    for (const name of await readdir(folders().runtimeDir)) await rm(join(folders().runtimeDir, name));
    await using next = await holdFolder(folders(), store(elsewhere));
    expect(await next.isAlive(await self())).toBe(true);
    await hold[Symbol.asyncDispose]();
  });

  it('is not taken from processes on the host, whose sessions would look dead', async () => {
    const identity = await self();
    expect(await codeOf(holdFolder(folders(), store({ ...identity, ...elsewhere })))).toBe('STATE_IN_USE');
    expect(await codeOf(holdFolder(folders(), store({ pid: 1, startTimeTicks: 1, bootId: 'x' })))).toBe('STATE_IN_USE');
    await using held = await holdFolder(folders(), store(identity));
    expect(await held.isAlive({ ...identity, ...elsewhere })).toBe(false);
  });

  it('apart from it, who is of another pid namespace counts as alive until the next boot', async () => {
    const identity = { ...(await self()), ...elsewhere, pid: 2 ** 30 };
    expect(await isAlive(identity)).toBe(true);
    expect(await isAlive({ ...identity, bootId: '00000000-0000-0000-0000-000000000000' })).toBe(false);
    expect(await isAlive({ ...identity, pidNamespace: (await self()).pidNamespace })).toBe(false);
  });
});
