import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/kit/clock.js';
import { readProcess } from '../../src/kit/proc/processes.js';
import { isAlive } from '../../src/kit/process-identity.js';
import { commandLineOf } from '../../src/sandbox/command/marked-processes.js';
import { ownProcessesOf } from '../../src/sandbox/own-processes.js';
import { processesOf } from '../../src/sandbox/processes.js';
import { StandStill } from '../../src/sandbox/stand-still.js';
import { adoptSession, destroyRecorded } from '../../src/session/adopt.js';
import type { Session } from '../../src/session/session.js';
import { channelOrNot, engineKinds } from './support/engines.js';
import { hide } from './support/hide.js';
import { command, run, Stage, said } from './support/stage.js';

const mib = 1024 ** 2;
/** Large enough for what others write meanwhile, and for what they free, to be small beside it. */
const limitBytes = 256 * mib;
const beyondBytes = 400 * mib;
const python = (script: string) => ['/usr/bin/python3', '-c', script];
/** As fast as it can, into new files. */
const writer = `
import os
def write(folder, number):
    with open(f'{folder}/f{number}', 'wb') as file: file.write(b'x' * 2**20)
`;
/** Is continued a thousand times in a second, however often it is stopped; with a handler, since a timer whose signal is ignored is not set anew. */
const evader = `${writer}
import ctypes, signal
class Event(ctypes.Structure):
    _fields_ = [('value', ctypes.c_void_p), ('signo', ctypes.c_int), ('notify', ctypes.c_int), ('rest', ctypes.c_byte * 48)]
class Time(ctypes.Structure):
    _fields_ = [('every_s', ctypes.c_long), ('every_ns', ctypes.c_long), ('s', ctypes.c_long), ('ns', ctypes.c_long)]
libc = ctypes.CDLL(None, use_errno=True)
signal.signal(signal.SIGCONT, lambda *_: None)
timer = ctypes.c_void_p()
if libc.timer_create(1, ctypes.byref(Event(None, signal.SIGCONT, 0)), ctypes.byref(timer)): raise OSError(ctypes.get_errno())
libc.timer_settime(timer, 0, ctypes.byref(Time(0, 1000000, 0, 1000000)), None)
number = 0
while True:
    number += 1
    write('.', number)
`;
/** The count itself wakes it, by the folders that it opens; at each look it has stopped again. */
const sleeper = `
import ctypes, fcntl, os, signal
libc = ctypes.CDLL(None, use_errno=True)
signal.signal(signal.SIGCONT, lambda *_: None)
watch = libc.inotify_init1(os.O_NONBLOCK)
in_open = 0x20
if watch < 0 or libc.inotify_add_watch(watch, b'.', in_open) < 0: raise OSError(ctypes.get_errno())
fcntl.fcntl(watch, fcntl.F_SETOWN, os.getpid())
f_setsig = 10
fcntl.fcntl(watch, f_setsig, signal.SIGCONT)
fcntl.fcntl(watch, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
open('ready', 'w')
while True:
    try: os.read(watch, 65536)
    except BlockingIOError: pass
    os.kill(os.getpid(), signal.SIGSTOP)
`;
/** What is written is never where it was, and always in a folder that has moved. */
const mover = `${writer}
os.makedirs('a/sub'); os.makedirs('z')
for number in range(200): os.makedirs(f'm/{number}/sub')
if os.fork() == 0:
    while True:
        for old, new in (('a/sub', 'z/sub'), ('z/sub', 'a/sub')): os.rename(old, new)
number = 0
while True:
    number += 1
    try: write('a/sub', number)
    except FileNotFoundError: pass
`;

/** Without process 1 it is the host's signals alone, which are the same under each engine: once will do. */
const ways = channelOrNot.filter(([kind, path]) => path !== 'exec' || kind === engineKinds[0]);

describe.each(ways)(
  'a session that stands still while it is counted, on a real rootless %s, over %s',
  (kind, commandPath) => {
    let stage: Stage;
    let session: Session;
    let project: string;

    beforeAll(async () => {
      stage = await Stage.open(kind, { commandPath });
    });
    afterAll(() => stage[Symbol.asyncDispose]());

    async function open(disk: string): Promise<void> {
      project = await stage.project();
      session = await stage.create({ projectPath: project, workspace: 'rw', disk });
    }

    /**
     * Nothing was missed and nothing was written any more: no more is there than was counted when it was ended. Less may be: what others take
     * of the file system meanwhile is held against a session of which nobody can be sure (docs/limits.md).
     */
    async function expectCounted(): Promise<void> {
      const atTheEnd = session.disk?.usage?.bytes ?? 0;
      expect(atTheEnd).toBeGreaterThanOrEqual(limitBytes);
      await session.disk?.count();
      const afterIt = session.disk?.usage?.bytes ?? 0;
      // Blocks that the file system needs for itself come when it writes back. Whoever wrote on would have written hundreds of times that.
      expect(afterIt - atTheEnd, `${atTheEnd} at the end, ${afterIt} after it`).toBeLessThan(4 * mib);
    }

    it('writes nothing more from then on until it is ended', async () => {
      await open('256m');
      const script = `${writer}number = 0\nwhile True:\n  number += 1\n  write('.', number)`;
      expect(await run(session, python(script))).toMatchObject({ reason: 'disk-limit', exitCode: 137 });
      await expectCounted();
      await stage.sessions.destroy(session.id);
    });

    it('is not got round by folders that are moved all the time', async () => {
      await open('256m');
      expect(await run(session, python(mover))).toMatchObject({ reason: 'disk-limit' });
      await expectCounted();
      await stage.sessions.destroy(session.id);
    });

    it('is not got round by a timer that lets it go on', async () => {
      await open('256m');
      const result = await run(session, python(evader));
      expect(result).toMatchObject({ reason: 'disk-limit' });
      expect(result.note).toContain('(disk.limit)');
      await session.disk?.count();
      expect(session.disk?.usage?.bytes).toBeGreaterThanOrEqual(limitBytes);
      await stage.sessions.destroy(session.id);
    });

    it('is not taken for still where it is woken between looks and stops itself again', async () => {
      await open('256m');
      for (let i = 0; i < 2000; i += 1) mkdirSync(join(project, `folder-${i}`));
      const entry = await session.start(command(python(sleeper), { timeoutMs: 50_000 }));
      await expect.poll(() => existsSync(join(project, 'ready'))).toBe(true);
      // It has taken nothing: others make it doubtful.
      const others = () =>
        execFileSync('/usr/bin/fallocate', ['-l', String(beyondBytes), join(stage.folder, `others-${Math.random()}`)]);
      for (let i = 0; i < 3 && entry.outcome === undefined; i += 1) {
        others();
        await Promise.race([entry.settled, systemClock.sleep(12_000)]);
      }
      expect(entry.outcome).toMatchObject({ result: { reason: 'disk-limit' } });
      expect(JSON.stringify(entry.outcome)).toContain('could not be made to stand still');
      await stage.sessions.destroy(session.id);
    });

    it('stops, counts and ends what lets nobody look into it', async () => {
      await open('256m');
      await hide(project, '/usr/bin/dd');
      const entry = await session.start(command('./hidden if=/dev/zero of=big bs=64k count=1000000; exec sleep 1111'));
      const hidden = () => inside(session).filter(({ comm }) => comm === 'hidden');
      await expect.poll(hidden).toMatchObject([{ namespace: undefined }]);
      await entry.settled;
      expect(entry.outcome).toMatchObject({ result: { reason: 'disk-limit' } });
      expect(hidden()).toEqual([]);
      await expectCounted();
      await stage.sessions.destroy(session.id);
    });

    it('takes no process for one of ours because it runs the same program', async () => {
      await open('256m');
      const { initPid, namespace } = session.sandbox.handle;
      const impostor = '(setsid /.paddock/init --deadline-boottime-ms 9000000000000 >/dev/null 2>&1 &); sleep 600';
      const entry = await session.start(command(impostor));
      const others = () => processesOf(namespace).filter((one) => !ownProcessesOf(initPid)(one));
      await expect
        .poll(() => others().map(({ pid }) => commandLineOf(pid)?.split('\0')[1]))
        .toContain('--deadline-boottime-ms');
      await entry.command.end('aborted');
      await entry.settled;
      await stage.sessions.destroy(session.id);
    });

    it('goes on when it was others who wrote, and what it had stopped itself stays so', async () => {
      await open('256m');
      const ticking = `trap 'echo >>/tmp/conts' CONT; : >/tmp/conts; sleep 1111 & kill -STOP $!
      i=0; while :; do i=$((i+1)); echo $i >/tmp/ticks; sleep 0.05; done`;
      const entry = await session.start(command(ticking));
      const ticks = async () => Number(await said(session, 'cat /tmp/ticks'));
      await expect.poll(ticks).toBeGreaterThan(1);
      let written = 0;
      const timesLetGoOn = async () => {
        written += 1;
        // All at once: who writes on while a session is being stopped can't be told from the session.
        execFileSync('/usr/bin/fallocate', ['-l', String(beyondBytes), join(stage.folder, `others-${written}`)]);
        return Number(await said(session, 'wc -l </tmp/conts'));
      };
      await expect.poll(timesLetGoOn, { timeout: 30_000, interval: 200 }).toBeGreaterThan(0);
      for (let i = 1; i <= written; i += 1) await rm(join(stage.folder, `others-${i}`));
      const before = await ticks();
      await expect.poll(ticks).toBeGreaterThan(before);
      expect(inside(session).flatMap(({ pid }) => readProcess(pid)?.state ?? [])).toContain('T');
      expect(entry.outcome).toBeUndefined();
      await entry.command.end('aborted');
      await entry.settled;
      await stage.sessions.destroy(session.id);
    });
  },
);

describe.each(engineKinds)('a chain of forks of which the host meets none, on a real rootless %s', (kind) => {
  it('is stopped by process 1 all at once, and goes on afterwards; what it had stopped itself stays so', async () => {
    await using stage = await Stage.open(kind);
    const projectPath = await stage.project();
    execFileSync('gcc', ['-O1', '-o', join(projectPath, 'forks'), 'test/engine/support/forks.c']);
    const session = await stage.create({ projectPath, workspace: 'rw' });
    const entry = await session.start(command('sleep 1111 & kill -STOP $!; exec ./forks generations'));
    const generations = async () => Number((await readFile(join(projectPath, 'generations'))).readBigUInt64LE());
    await expect.poll(async () => await generations().catch(() => 0), { timeout: 60_000 }).toBeGreaterThan(1000);
    const { sandbox } = session;
    const hold = new StandStill(
      () => sandbox.handle,
      () => sandbox.hold,
    );
    // All that it meets; the chain may well go on.
    await expect.poll(() => hold.stop().stillness).toBe('still');
    expect(await hold.holdAll()).toBe(true);
    await expect.poll(() => hold.stop().stillness).toBe('still');
    const [before, { trace }] = [await generations(), hold.stop()];
    await sleep(1000);
    expect([await generations(), hold.stop().trace]).toEqual([before, trace]);
    hold.release();
    await expect.poll(generations).toBeGreaterThan(before + 100);
    // It may not have got so far as to be called that.
    const sleeping = inside(session).filter(({ comm }) => comm === 'sleep' || comm === 'sh');
    expect(sleeping.map(({ pid }) => readProcess(pid)?.state)).toEqual(['T']);
    // What waited for the next command goes on as well.
    expect(await said(session, 'echo lives')).toBe('lives');
    await entry.command.end('aborted');
    await entry.settled;
  });

  it('does not keep a session from being counted', async () => {
    await using stage = await Stage.open(kind);
    const projectPath = await stage.project();
    execFileSync('gcc', ['-O1', '-o', join(projectPath, 'forks'), 'test/engine/support/forks.c']);
    const session = await stage.create({ projectPath, workspace: 'rw', disk: '256m' });
    const script = `${writer}
if os.fork() == 0: os.execv('./forks', ['./forks', 'generations'])
number = 0
while True:
    number += 1
    write('.', number)`;
    const { reason, note } = await run(session, python(script));
    expect([reason, note]).toEqual(['disk-limit', expect.stringMatching(/has added .* to the disk/)]);
    expect(session.disk?.usage?.bytes).toBeGreaterThanOrEqual(limitBytes);
  });
});

describe.each(engineKinds)('a session whose holder went while it stood still, on a real rootless %s', (kind) => {
  it('goes on when the next one takes it over', async () => {
    await using stage = await Stage.open(kind);
    await using detached = stage.newSessions('detached');
    const made = await detached.create({ projectPath: await stage.project(), workspace: 'rw' });
    await made.start(command('i=0; while :; do i=$((i+1)); echo $i >ticks; sleep 0.05; done', { timeoutMs: 600_000 }));
    const ticks = async () => Number(await readFile(join(made.record.writableRoots[0]?.source ?? '', 'ticks'), 'utf8'));
    await expect.poll(ticks).toBeGreaterThan(1);
    const hold = new StandStill(() => made.record.container);
    await expect.poll(() => hold.stop().stillness).toBe('still');
    await made.letGo();
    const record = await stage.store.load(made.id);
    if (record === undefined) throw new Error('a session that runs has a record');
    const before = await ticks();
    const { engine, store, audit, self, folder: runtimeDir } = stage;
    const options = { engine, store, audit, clock: systemClock, isAlive, bootId: self.bootId, runtimeDir };
    const session = await adoptSession(record, options);
    await expect.poll(ticks).toBeGreaterThan(before);
    await session.letGo();
    await destroyRecorded(record, options);
  });
});

function inside({ sandbox }: Session) {
  return processesOf(sandbox.handle.namespace).map((one) => ({ ...one, comm: readProcess(one.pid)?.comm }));
}
