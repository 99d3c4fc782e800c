import { link, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAlive, type ProcessIdentity, readProcessIdentity } from '../../../src/kit/process-identity.js';
import { claim, isClaimed } from '../../../src/session/control/claim.js';
import { holdFolder, isAliveAround, refuseHeldFolder } from '../../../src/session/folder-hold.js';
import type { SessionRecord } from '../../../src/session/record.js';
import { codeOf } from '../../support/code-of.js';

const earlierBoot = '00000000-0000-0000-0000-000000000000';

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
  const sockets = async () => (await readdir(folders().stateDir)).filter((name) => name.endsWith('.sock'));
  const notes = async () => (await readdir(folders().stateDir)).filter((name) => /^server\.\d+$/.test(name)).toSorted();
  const rewrite = async (path: string, changes: object) =>
    writeFile(path, JSON.stringify({ ...(JSON.parse(await readFile(path, 'utf8')) as object), ...changes }));
  /** As if whoever has the folder were in another container. */
  const moveAway = async (changes: object = elsewhere) =>
    rewrite(join(folders().stateDir, (await notes()).at(-1) ?? ''), changes);
  /** What is left of one that was killed in another container: its note, and a socket that refuses. */
  const killed = async (changes: object = elsewhere): Promise<ProcessIdentity> => {
    const { stateDir } = folders();
    const forgetNotes = async () => {
      for (const note of await notes()) await rm(join(stateDir, note));
    };
    await mkdir(stateDir, { recursive: true });
    await forgetNotes();
    const hold = await holdFolder(folders(), store());
    const [name = ''] = await notes();
    await moveAway(changes);
    const content = await readFile(join(stateDir, name), 'utf8');
    const { socket, ...owner } = JSON.parse(content) as ProcessIdentity & { socket: string };
    await link(socket, `${socket}.kept`);
    await hold[Symbol.asyncDispose]();
    await rename(`${socket}.kept`, socket);
    await forgetNotes();
    await writeFile(join(stateDir, name), content);
    return owner;
  };

  it('is its own while it lives, as others of another pid namespace can tell by a socket alone', async () => {
    const hold = await holdFolder(folders(), store());
    await moveAway();
    expect(await codeOf(refuseHeldFolder(folders().stateDir))).toBe('STATE_IN_USE');
    expect(await codeOf(holdFolder(folders(), store()))).toBe('STATE_IN_USE');
    expect(await sockets()).toHaveLength(1);
    await hold[Symbol.asyncDispose]();
    expect(await codeOf(refuseHeldFolder(folders().stateDir))).toBe('ok');
    expect(await sockets()).toEqual([]);
  });

  it('is its own also for one with another runtime folder, and where its socket can not be found', async () => {
    await using hold = await holdFolder(folders(), store());
    await moveAway();
    const other = { ...folders(), runtimeDir: join(root, 'other') };
    expect(await codeOf(holdFolder(other, store()))).toBe('STATE_IN_USE');
    for (const name of await sockets()) await rm(join(folders().stateDir, name));
    expect(await codeOf(holdFolder(other, store()))).toBe('STATE_IN_USE');
    await moveAway({ bootId: earlierBoot });
    await using next = await holdFolder(other, store());
    expect(await next.isAlive(await self())).toBe(true);
    expect(hold).toBeDefined();
  });

  it('is free when its socket refuses, whose sessions are gone then, and no others', async () => {
    const gone = await killed();
    await using next = await holdFolder(folders(), store(gone));
    expect(await next.isAlive(gone)).toBe(false);
    expect(await next.isAlive(await self())).toBe(true);
    // A command beside that server in its container, and Paddock on the host: nobody here sees whether they live.
    expect(await next.isAlive({ ...gone, pid: 7 })).toBe(true);
    expect(await next.isAlive({ ...gone, pidNamespace: 'pid:[2]' })).toBe(true);
    expect(await next.isAlive({ ...gone, pidNamespace: undefined })).toBe(true);
    expect(await next.isAlive({ ...gone, pid: 7, bootId: earlierBoot })).toBe(false);
  });

  it('knows those that have ended from all that had it before, as long as this boot lasts', async () => {
    const gone = await killed();
    for (let round = 0; round < 12; round += 1) await (await holdFolder(folders(), store()))[Symbol.asyncDispose]();
    await using next = await holdFolder(folders(), store(gone));
    expect(await next.isAlive(gone)).toBe(false);
  });

  it('of an earlier boot leaves no socket', async () => {
    await killed();
    await moveAway({ bootId: earlierBoot });
    await using next = await holdFolder(folders(), store());
    expect(await sockets()).toHaveLength(1);
    expect(next).toBeDefined();
  });

  it('is not taken from processes on the host, whose sessions would look dead, also where a server had it before', async () => {
    const identity = await self();
    const onHost = { ...identity, pidNamespace: 'pid:[2]' };
    for (const had of [false, true]) {
      if (had) await killed();
      expect(await codeOf(holdFolder(folders(), store(onHost)))).toBe('STATE_IN_USE');
      expect(await codeOf(holdFolder(folders(), store({ ...identity, pidNamespace: undefined })))).toBe('STATE_IN_USE');
    }
    await using held = await holdFolder(folders(), store(identity, { ...onHost, bootId: earlierBoot }));
    expect(await held.isAlive(onHost)).toBe(true);
  });

  it('is taken where one beside an earlier server left something, which stays', async () => {
    const beside = { ...(await killed()), pid: 7 };
    await using held = await holdFolder(folders(), store(beside));
    expect(await held.isAlive(beside)).toBe(true);
  });

  it('is free of those beside a server that has ended, where that was the first process of their container', async () => {
    const first = await killed({ ...elsewhere, pid: 1 });
    const beside = { ...first, pid: 7 };
    const strangers = [
      { ...beside, pidNamespace: 'pid:[2]' },
      { ...beside, pidNamespace: undefined },
    ];
    expect(await isAliveAround(folders().stateDir, beside)).toBe(false);
    await using next = await holdFolder(folders(), store(beside));
    expect(await next.isAlive(beside)).toBe(false);
    for (const one of strangers) expect(await next.isAlive(one)).toBe(true);
    expect(await isAliveAround(folders().stateDir, { ...beside, pidNamespace: 'pid:[2]' })).toBe(true);
  });

  it('is not free of them while another has it whose container got the same number', async () => {
    const first = await killed({ ...elsewhere, pid: 1 });
    await using again = await holdFolder(folders(), store());
    await moveAway({ ...elsewhere, pid: 1, startTimeTicks: 5 });
    expect(await isAliveAround(folders().stateDir, { ...first, pid: 7 })).toBe(true);
    expect(await isAliveAround(folders().stateDir, first)).toBe(false);
    expect(again).toBeDefined();
  });

  it('has nothing claimed any more by a server that was killed, and all that others have', async () => {
    const gone = await killed();
    const { stateDir, runtimeDir } = folders();
    const [channel, layers] = [join(runtimeDir, 'channels', 'ses_a'), join(stateDir, 'layers')];
    for (const folder of [channel, layers, join(stateDir, 'snapshots')]) await mkdir(folder, { recursive: true });
    const left = ['snapshots.lock', 'layers/ses_a.lock', 'snapshots/snp_a.lock'].map((name) => join(stateDir, name));
    const paths = [...left, join(channel, 'control.sock'), join(channel, 'removal')];
    for (const path of paths) {
      await claim(path);
      await rewrite(`${path}.1`, gone);
      expect(await isClaimed(path)).toBe(true);
    }
    const [others, mine] = [join(layers, 'ses_b.lock'), join(layers, 'ses_c.lock')];
    for (const path of [others, mine]) await claim(path);
    await rewrite(`${others}.1`, { ...gone, pid: 7 });
    await using held = await holdFolder(folders(), store());
    expect(held).toBeDefined();
    for (const path of paths) expect([path, await isClaimed(path)]).toEqual([path, false]);
    expect([await isClaimed(others), await isClaimed(mine)]).toEqual([true, true]);
  });

  it('may have a path that is too long for a socket', async () => {
    const stateDir = join(root, 'long'.repeat(30));
    await using hold = await holdFolder({ ...folders(), stateDir }, store());
    expect(hold).toBeDefined();
    const path = join(stateDir, 'server.1');
    await rewrite(path, elsewhere);
    expect(await codeOf(refuseHeldFolder(stateDir))).toBe('STATE_IN_USE');
  });

  it('tells those around it that a server was killed, and of nobody else that they can’t see', async () => {
    const { stateDir } = folders();
    const around = async (owner: ProcessIdentity) => isAliveAround(stateDir, owner);
    const owner = await killed();
    expect([await isAlive(owner), await around(owner)]).toEqual([true, false]);
    expect(await around({ ...owner, pid: owner.pid + 1 })).toBe(true);
    expect([await around(await self()), await around({ ...owner, bootId: earlierBoot })]).toEqual([true, false]);
    const hold = await holdFolder(folders(), store());
    await moveAway();
    expect(await around({ ...(await self()), ...elsewhere })).toBe(true);
    await moveAway({ pidNamespace: (await self()).pidNamespace });
    await hold[Symbol.asyncDispose]();
  });

  it('apart from it, who is of another pid namespace counts as alive until the next boot', async () => {
    const identity = { ...(await self()), ...elsewhere, pid: 2 ** 30 };
    expect(await isAlive(identity)).toBe(true);
    expect(await isAlive({ ...identity, bootId: earlierBoot })).toBe(false);
    expect(await isAlive({ ...identity, pidNamespace: (await self()).pidNamespace })).toBe(false);
  });
});
