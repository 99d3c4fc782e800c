import { execFileSync } from 'node:child_process';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLineOf } from '../../src/sandbox/command/marked-processes.js';
import { ownProcessesOf } from '../../src/sandbox/own-processes.js';
import { processesOf } from '../../src/sandbox/processes.js';
import type { Session } from '../../src/session/session.js';
import { engineKinds } from './support/engines.js';
import { command, run, Stage, said } from './support/stage.js';

const mib = 1024 ** 2;
const python = (script: string) => ['/usr/bin/python3', '-c', script];

/** Deleted files of 1 MiB, twenty in a second at most; `hide` is what becomes of their descriptors. */
const hider = (hide: string) => `
import ctypes, os, socket, threading, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
kept = []
ends = socket.socketpair()
def deleted():
    file = os.open('hidden', os.O_RDWR | os.O_CREAT)
    os.unlink('hidden')
    os.write(file, b'x' * 2**20)
    time.sleep(0.05)
    return file
${hide}
`;
const hiders = {
  // close_range with CLOSE_RANGE_UNSHARE, of numbers that nobody has.
  'in a thread with a descriptor table of its own': hider(`
def hide():
    if libc.syscall(436, 900, 901, 2): raise OSError(ctypes.get_errno())
    while True: kept.append(deleted())
threading.Thread(target=hide).start()`),
  'only in memory': hider(`
while True:
    file = deleted()
    if libc.mmap(None, ctypes.c_size_t(4096), 1, 1, file, ctypes.c_long(0)) == 2**64 - 1: raise OSError(ctypes.get_errno())
    os.close(file)`),
  'under way in a socket': hider(`
while True:
    file = deleted()
    socket.send_fds(ends[0], [b'x'], [file])
    os.close(file)`),
  'under way in a connection that nobody has accepted': hider(`
listener = socket.socket(socket.AF_UNIX)
listener.bind(b'\\0paddock-test')
listener.listen(1000)
while True:
    file = deleted()
    with socket.socket(socket.AF_UNIX) as end:
        end.connect(b'\\0paddock-test')
        socket.send_fds(end, [b'x'], [file])
    os.close(file)`),
};

/** Two hundred threads that share a hundred descriptors, one of a deleted file; others went through a socket, and were received. */
const usual = `
import os, socket, threading, time
ends = socket.socketpair()
file = os.open('hidden', os.O_RDWR | os.O_CREAT)
os.unlink('hidden')
os.write(file, b'x' * 2**20)
for number in range(100):
    socket.send_fds(ends[0], [b'x'], [file])
    socket.recv_fds(ends[1], 1, 1)
for number in range(200): threading.Thread(target=time.sleep, args=(600,)).start()
os.mkdir('ready')
`;

describe.each(engineKinds)('what is hidden from the disk limit on a real rootless %s', (kind) => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open(kind);
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  /** Runs until it says that it is ready; then somebody else writes as much as would be far beyond a limit of 32 MiB. */
  async function beside(session: Session, script: string, check: () => Promise<void>): Promise<void> {
    const entry = await session.start(command(python(script), { timeoutMs: 600_000 }));
    const project = session.record.writableRoots[0]?.source ?? '';
    await expect.poll(() => readdir(project), { timeout: 30_000 }).toContain('ready');
    const others = join(stage.folder, 'others');
    execFileSync('/usr/bin/fallocate', ['-l', String(64 * mib), others]);
    await check();
    expect(entry.outcome).toBeUndefined();
    await rm(others);
    await entry.command.end('aborted');
    await entry.settled;
  }

  it.each(Object.entries(hiders))('is found %s', async (_, script) => {
    const session = await stage.create({ projectPath: await stage.project(), workspace: 'rw', disk: '32m' });
    expect(await run(session, python(script))).toMatchObject({ reason: 'disk-limit', stderr: { totalBytes: 0 } });
    await stage.sessions.destroy(session.id);
  });

  it('is not looked for in what is usual', async () => {
    const session = await stage.create({ projectPath: await stage.project(), workspace: 'rw', disk: '32m' });
    await beside(session, usual, async () => {
      await expect.poll(() => session.disk?.usage?.bytes, { timeout: 30_000 }).toBeGreaterThanOrEqual(mib);
      await session.disk?.count();
      expect(session.disk?.usage?.bytes).toBeLessThan(8 * mib);
    });
    await stage.sessions.destroy(session.id);
  });

  it('is not what the host replaces in a folder that the sandbox can only read', async () => {
    const folder = join(stage.folder, 'read-only');
    await mkdir(folder);
    await writeFile(join(folder, 'library'), Buffer.alloc(mib));
    const projectPath = await stage.project();
    const dockerOpts = { Binds: [`${folder}:/opt/library:ro`] };
    const session = await stage.create({ projectPath, workspace: 'rw', disk: '32m', dockerOpts });
    const script = `
import mmap, os, time
file = os.open('/opt/library/library', os.O_RDONLY)
memory = mmap.mmap(file, 4096, prot=mmap.PROT_READ)
os.close(file)
os.mkdir('ready')
time.sleep(600)`;
    await beside(session, script, async () => {
      await rm(join(folder, 'library'));
      await session.disk?.count();
      expect(session.disk?.usage?.bytes).toBeLessThan(8 * mib);
    });
    await stage.sessions.destroy(session.id);
  });

  it('is looked for in everything but process 1, and the copies that watch over commands or wait for one', async () => {
    const session = await stage.create({ projectPath: await stage.project(), workspace: 'rw', disk: '32m' });
    const { initPid, namespace } = session.sandbox.handle;
    const entry = await session.start(command('sleep 600 | /.paddock/init --mkfifo -'));
    const isOwn = ownProcessesOf(initPid);
    const lines = (wanted: boolean) =>
      processesOf(namespace)
        .filter((one) => isOwn(one) === wanted)
        .map(({ pid }) => commandLineOf(pid)?.split('\0')[1]);
    await expect.poll(() => lines(false).toSorted()).toEqual(['--mkfifo', '-c', '600']);
    expect(new Set(lines(true))).toEqual(new Set(['--deadline-boottime-ms']));
    expect(lines(true).length).toBeGreaterThan(1);
    // Nor can another make something else of it.
    const open = `for one in /proc/[0-9]*; do
      case $(tr '\\0' ' ' <$one/cmdline) in '/.paddock/init --mkfifo'*) cat $one/environ >/dev/null || echo closed ;; esac
    done 2>/dev/null`;
    await expect.poll(() => said(session, open)).toBe('closed');
    await entry.command.end('aborted');
    await entry.settled;
    await stage.sessions.destroy(session.id);
  });
});
