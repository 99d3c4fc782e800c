import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import type { ExecResult } from '../../src/core/exec.js';
import { systemClock } from '../../src/kit/clock.js';
import { isAlive } from '../../src/kit/process-identity.js';
import { CommandCgroups } from '../../src/sandbox/cgroups/command-cgroups.js';
import { pidNamespaceOf, processesOf } from '../../src/sandbox/processes.js';
import { adoptSession, destroyRecorded } from '../../src/session/adopt.js';
import type { Session } from '../../src/session/session.js';
import { engineKinds, engineSockets, uniqueName } from '../engine/support/engines.js';
import { loadImage, makeImage } from '../engine/support/image-archive.js';
import { command, run, Stage, said } from '../engine/support/stage.js';

const mib = 1024 ** 2;
const memoryBytes = 192 * mib;

/** Where the kernel has to hold limits (scripts/test-vm). */
const isRequired = process.env['PADDOCK_TEST_REQUIRE']?.split(',').includes('limits') === true;

const ways = engineKinds.flatMap((kind) => (['fifo', 'attach'] as const).map((path) => [kind, path] as const));
const hog = 'tail /dev/zero';

const pathOf = (pid: number | string) => /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '';
const folderOf = ({ sandbox }: Session) => `/sys/fs/cgroup${pathOf(sandbox.handle.initPid)}`.replace(/\/init$/, '');
const commandFolders = (of: Session) => readdirSync(folderOf(of)).filter((name) => name.startsWith('cmd-'));
const ownersOf = (of: Session) =>
  ['', '/cgroup.procs', '/cgroup.threads', '/cgroup.subtree_control', '/init', '/init/cgroup.procs'].map(
    (name) => statSync(`${folderOf(of)}${name}`).uid,
  );

async function need(session: Session, { skip }: TestContext): Promise<void> {
  const state = await session.sandbox.commandCgroups;
  if (isRequired) expect(state).toBe('in use');
  else skip(state !== 'in use', state);
}

describe.each(ways)('a cgroup for each command, on a real rootless %s, over %s', (kind, commandPath) => {
  let stage: Stage;
  let session: Session;

  beforeAll(async () => {
    stage = await Stage.open(kind, { commandPath, policy: { images: ['localhost/*'] } });
    session = await stage.create({ memory: '192m', pids: 100 });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('memory: the whole tree ends when one of it takes too much, and the command says `oom`', async (context) => {
    await need(session, context);
    const result = await run(session, `${hog}; echo $?; exit 3`);
    expect(result).toMatchObject({ reason: 'oom', exitCode: 137, stdout: { text: '' } });
    expect(result.usage.oomKills).toBeGreaterThanOrEqual(1);
    expect(await said(session, 'echo lives')).toBe('lives');
  });

  it('memory: of two commands only the one that takes too much ends', async (context) => {
    await need(session, context);
    const other = run(session, 'n=0; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo lived; exit 4');
    expect(await run(session, `sleep 60 & setsid sleep 60 & ${hog}`)).toMatchObject({ reason: 'oom', exitCode: 137 });
    await run(session, 'touch /tmp/go');
    expect(await other).toMatchObject({ reason: 'exited', exitCode: 4, stdout: { text: 'lived\n' } });
    expect((await other).usage.oomKills).toBe(0);
  });

  it('tells what the whole tree had at one time', async (context) => {
    await need(session, context);
    // Each holds what it reads until it has the end of the line.
    const one = `sh -c 'head -c ${24 * mib} /dev/zero | tail -c ${24 * mib} | (sleep 1; wc -c)'`;
    const result = await run(session, `${one} & ${one} & ${one} & wait`);
    expect(result).toMatchObject({ reason: 'exited', exitCode: 0 });
    expect(result.usage.peakTreeBytes).toBeGreaterThan(60 * mib);
    expect(result.usage.peakTreeBytes).toBeLessThan(memoryBytes);
    expect(result.usage.peakProcessBytes).toBeLessThan(50 * mib);
    expect(result.usage.peakProcesses).toBeGreaterThan(6);
    expect((await run(session, 'true')).usage.peakTreeBytes).toBeLessThan(24 * mib);
  });

  it('lets a runtime inside find the limit of the sandbox', async (context) => {
    await need(session, context);
    const text = await said(session, "node -p 'process.constrainedMemory()'");
    expect(Number(text)).toBe(memoryBytes);
  });

  it('follows a change of the sandbox’s limit while it runs', async (context) => {
    await need(session, context);
    const own = await stage.create({ memory: '96m', pids: 100 });
    await need(own, context);
    const limits = () => commandFolders(own).map((name) => readFileSync(`${folderOf(own)}/${name}/memory.max`, 'utf8'));
    const stop = new AbortController();
    const running = run(own, 'sleep 60', {}, { signal: stop.signal });
    await expect.poll(limits, { timeout: 20_000 }).toEqual([`${96 * mib}\n`, `${96 * mib}\n`]);
    // By hand: what an engine does with the same files is told in test/engine/update.test.ts.
    for (const path of [dirname(folderOf(own)), folderOf(own)]) writeFileSync(`${path}/memory.max`, String(160 * mib));
    const cgroups = await CommandCgroups.open(stage.maker.cgroups, own.sandbox.handle, systemClock);
    await cgroups.followLimit();
    expect(limits()).toEqual([`${160 * mib}\n`, `${160 * mib}\n`]);
    stop.abort();
    await running;
    await stage.sessions.destroy(own.id);
  });

  it('has process 1 and the supervisors beside, and the command’s processes in it, however they fork', async (context) => {
    await need(session, context);
    const { initPid, namespace } = session.sandbox.handle;
    expect(pathOf(initPid)).toMatch(/\/container\/init$/);
    const stop = new AbortController();
    const line = "setsid sh -c 'sleep 77 & sleep 78 & wait' & sleep 79";
    const running = run(session, line, {}, { signal: stop.signal });
    const sleepers = () =>
      processesOf(namespace).filter(({ pid }) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n');
    await expect.poll(() => sleepers().length, { timeout: 20_000 }).toBe(3);
    const paths = new Set(sleepers().map(({ pid }) => pathOf(pid)));
    expect([...paths]).toEqual([expect.stringMatching(/\/container\/cmd-\d+$/)]);
    stop.abort();
    expect(await running).toMatchObject({ reason: 'aborted' });
    expect(sleepers()).toEqual([]);
  });

  it('can’t be left, changed or entered from inside, neither by writing nor by forking into another', async (context) => {
    await need(session, context);
    const script = `
      cat /proc/self/cgroup
      for file in /sys/fs/cgroup/init/cgroup.procs /sys/fs/cgroup/cgroup.procs; do echo $$ >$file; done
      echo max >/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/memory.max
      mkdir /sys/fs/cgroup/mine
      cat /proc/self/cgroup`;
    const result = await run(session, script);
    const [before, after] = result.stdout.text.trimEnd().split('\n');
    expect(before).toMatch(/^0::\/cmd-\d+$/);
    expect(after).toBe(before);
    expect(result.stderr.text.match(/Read-only file system/g)).toHaveLength(4);
    expect(ownersOf(session)).not.toContain(process.getuid?.());
  });

  it('can’t be left by forking into another cgroup, which a read-only mount alone does not prevent', async (context) => {
    await need(session, context);
    const script = readFileSync('test/engine/support/clone-into.pl', 'utf8');
    const argv = (path: string) => ['perl', '-e', script, path];
    // The positive control: where its user owns the folders the same forks as it is told, mount or no mount.
    const other = `${dirname(folderOf(session))}/paddock-control`;
    mkdirSync(other);
    expect(spawnSync('perl', argv(other).slice(1), { encoding: 'utf8' }).stdout).toContain('/paddock-control');
    rmdirSync(other);
    const stop = new AbortController();
    const another = run(session, 'sleep 60', {}, { signal: stop.signal });
    await expect.poll(() => commandFolders(session).length, { timeout: 20_000 }).toBe(2);
    const [oldest = ''] = commandFolders(session).sort((one, two) => Number(one.slice(4)) - Number(two.slice(4)));
    for (const name of ['init', '.', oldest]) {
      const result = await run(session, argv(`/sys/fs/cgroup/${name}`));
      // Nor is there such a call inside. The folders’ owners, whom the test before looks at, hold without that as well.
      expect(result.stdout.text).toBe(`errno ${constants.errno.ENOSYS}\n`);
    }
    stop.abort();
    await another;
  });

  it('is there in a large image, too, whose user inside is mapped another way', async (context) => {
    await need(session, context);
    const image = `localhost/${uniqueName('paddock-test')}:1`;
    await loadImage(engineSockets[kind], image, await makeImage({ Env: ['PATH=/bin'] }, {}, 20 * mib));
    const large = await stage.create({ image, memory: '64m' });
    expect(await large.sandbox.commandCgroups).toBe('in use');
    expect(await said(large, 'cat /proc/self/cgroup')).toMatch(/^0::\/cmd-\d+$/);
    const hungry = 'sleep 60 & a=aaaaaaaaaaaaaaaa; while :; do a=$a$a; done; exit 3';
    expect(await run(large, hungry)).toMatchObject({ reason: 'oom', exitCode: 137 });
    expect(ownersOf(large)).not.toContain(process.getuid?.());
    await stage.sessions.destroy(large.id);
    await stage.engine.removeImage(image);
  });

  it('leaves no folder of a command that has ended', async (context) => {
    await need(session, context);
    for (const line of ['true', 'exit 1', '/nowhere/at/all']) await run(session, line);
    // One waits for the next command.
    await expect.poll(() => commandFolders(session), { timeout: 20_000 }).toHaveLength(1);
    expect(pidNamespaceOf(session.sandbox.handle.initPid)).toBe(session.sandbox.handle.namespace);
  });

  it('goes on when a command kills or stops what waits for the next', async (context) => {
    await need(session, context);
    await run(session, 'kill -KILL -1');
    expect(await said(session, 'echo one')).toBe('one');
    // Its own supervisor, too: process 1 has to see to its end.
    expect(await run(session, 'kill -STOP -1', { timeoutMs: 500 })).toMatchObject({ reason: 'timeout' });
    expect(await said(session, 'echo two')).toBe('two');
  });
});

describe.each(engineKinds)('the cgroups of commands whose holder goes, on a real rootless %s', (kind) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(kind);
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  it('is found again by the next holder of a detached session', async (context) => {
    await using detached = stage.newSessions('detached');
    const made = await detached.create({ workspace: 'none', memory: '192m' });
    await made.start(command('head -c 30000000 /dev/zero | tail -c 30000000 | (sleep 3; wc -c)'), {});
    await run(made, 'true');
    await need(made, context);
    await made.letGo();
    const record = await stage.store.load(made.id);
    if (record === undefined) throw new Error('a session that runs has a record');
    const { engine, store, audit, self, maker } = stage;
    const options = {
      engine,
      store,
      audit,
      clock: systemClock,
      isAlive,
      bootId: self.bootId,
      runtimeDir: stage.folder,
    };
    const session = await adoptSession(record, { ...options, cgroups: maker.cgroups });
    expect(await session.sandbox.commandCgroups).toBe('in use');
    const [entry] = session.commands;
    if (entry === undefined) throw new Error('the command was not found');
    await entry.settled;
    const { result } = entry.outcome as { readonly result: ExecResult };
    expect(result).toMatchObject({ reason: 'exited', exitCode: 0 });
    expect(result.usage.peakTreeBytes).toBeGreaterThan(28 * mib);
    expect(await said(session, 'echo more')).toBe('more');
    await expect.poll(() => commandFolders(session), { timeout: 20_000 }).toHaveLength(1);
    await session.letGo();
    await destroyRecorded(record, options);
  });
});
