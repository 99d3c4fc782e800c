import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { Command, sh } from './support/command.js';
import { builtInit } from './support/compiled.js';
import { from, NativeInit, to } from './support/peer.js';

const init = builtInit();
const { ENOENT, EACCES, ENOEXEC, EINVAL } = constants.errno;
const stages = { rlimit: 5, cwd: 6, apparmor: 7, exec: 8 };

describe('a command over the channel', () => {
  it('reports its streams, their lengths and its exit status, in that order', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const command = new Command(peer, 1, sh('printf abc; printf de >&2; exit 3'));
    expect(await command.exited()).toMatchObject({ how: 0, status: 3, cause: 0, strays: 0 });
    expect([command.text(1), command.text(2)]).toEqual(['abc', 'de']);
    const order = peer.frames.map((each) => each.type);
    expect(order.slice(0, 2)).toEqual([from.HELLO, from.STARTED]);
    expect(order.at(-1)).toBe(from.EXITED);
    const ends = peer.of(from.OUTPUT_END, 1).map(({ stream, payload }) => [stream, Number(payload.readBigUInt64LE(0))]);
    expect(Object.fromEntries(ends)).toEqual({ 1: 3, 2: 2 });
  });

  it('reports the signal that killed it, and what it used', async () => {
    using native = new NativeInit(init);
    const command = new Command(await native.greeted(), 1, sh('sleep 0.05; kill -SEGV $$'));
    const exited = await command.exited();
    expect(exited).toMatchObject({ how: 1, status: constants.signals.SIGSEGV, cause: 0 });
    expect(exited.durationUs).toBeGreaterThan(40_000);
    expect(exited.peakBytes).toBeGreaterThan(65_536);
  });

  it('has the working directory, the environment and the umask that were asked for, and nothing else', async () => {
    using native = new NativeInit(init);
    const script = 'pwd; umask; tr "\\0" "\\n" < /proc/self/environ';
    const env = ['PATH=/usr/bin:/bin', 'A=b=c', 'EMPTY='];
    const command = new Command(await native.greeted(), 1, sh(script), { cwd: '/usr/bin', umask: 0o027, env });
    await command.exited();
    expect(command.text()).toMatch(/^\/usr\/bin\n0027\n/);
    // The shell sets PWD for its children.
    const own = ['PWD', 'OLDPWD', 'SHLVL', '_'];
    const lines = command.text().trimEnd().split('\n').slice(2);
    expect(lines.filter((line) => !own.includes(line.split('=')[0] ?? '')).sort()).toEqual([...env].sort());
  });

  it('has the resource limits that were asked for', async () => {
    using native = new NativeInit(init);
    const limits = [
      { resource: 7, soft: 60n, hard: 70n },
      { resource: 4, soft: 0n, hard: 0n },
    ];
    const command = new Command(await native.greeted(), 1, sh('cat /proc/self/limits'), { limits });
    await command.exited();
    expect(command.text()).toMatch(/Max open files +60 +70 /);
    expect(command.text()).toMatch(/Max core file size +0 +0 /);
  });

  it('starts with no signal ignored or blocked, a session of its own, and only its three streams open', async () => {
    using native = new NativeInit(init);
    const script = 'grep -E "^Sig(Blk|Ign)|^NSsid" /proc/self/status; echo pid $$; ls /proc/self/fd';
    const command = new Command(await native.greeted(), 1, sh(script));
    await command.exited();
    const text = command.text();
    expect(text).toMatch(/SigBlk:\t0+\nSigIgn:\t0+\n/);
    expect(/NSsid:.*?(\d+)\n/.exec(text)?.[1]).toBe(/pid (\d+)/.exec(text)?.[1]);
    // 3 is the folder that ls reads.
    expect(text).toMatch(/\n0\n1\n2\n3\n$/);
  });

  it('reads an input that is at its end when it was given none', async () => {
    using native = new NativeInit(init);
    const command = new Command(await native.greeted(), 1, ['cat']);
    expect(await command.exited()).toMatchObject({ how: 0, status: 0 });
  });

  it.each([
    {
      why: 'is nowhere on PATH',
      argv: ['no-such-program'],
      options: {},
      failed: { stage: stages.exec, errno: ENOENT },
    },
    { why: 'has no name', argv: [''], options: {}, failed: { stage: stages.exec, errno: ENOENT } },
    {
      why: 'is found, but not to be executed',
      argv: ['passwd'],
      options: { env: ['PATH=/etc:/nowhere'] },
      failed: { stage: stages.exec, errno: EACCES },
    },
    {
      why: 'has no PATH to be looked for on',
      argv: ['true'],
      options: { env: [] },
      failed: { stage: stages.exec, errno: ENOENT },
    },
    {
      why: 'would be found by a relative entry',
      argv: ['true'],
      options: { cwd: '/usr', env: ['PATH=bin::.'] },
      failed: { stage: stages.exec, errno: ENOENT },
    },
    {
      why: 'is to start in a folder that is not there',
      argv: ['true'],
      options: { cwd: '/nowhere' },
      failed: { stage: stages.cwd, errno: ENOENT },
    },
    {
      why: 'is to have a limit that there is not',
      argv: ['true'],
      options: { limits: [{ resource: 99, soft: 1n, hard: 1n }] },
      failed: { stage: stages.rlimit, errno: EINVAL },
    },
  ])('fails, and nothing runs, when it $why', async ({ argv, options, failed }) => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const command = new Command(peer, 1, argv, options);
    expect(await command.failed()).toEqual(failed);
    command.forget();
    expect(await new Command(peer, 1, ['true']).exited()).toMatchObject({ status: 0 });
  });

  it('does not hand a file without an interpreter to a shell', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const made = new Command(peer, 1, sh('f=$(mktemp) && echo exit 0 > $f && chmod 755 $f && echo $f'));
    await made.exited();
    const path = made.text().trim();
    expect(await new Command(peer, 2, [path]).failed()).toEqual({ stage: stages.exec, errno: ENOEXEC });
    await new Command(peer, 3, ['rm', path]).exited();
  });

  it('fails when it is to be confined where no AppArmor is', async () => {
    using native = new NativeInit(init);
    const command = new Command(await native.greeted(), 1, ['true'], { apparmor: 'exec no-such-profile' });
    expect(await command.failed()).toMatchObject({ stage: stages.apparmor });
  });

  it('is refused when the table is full, and the refusal is forgotten like any other', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const failures = Array.from({ length: 128 }, (_, i) => new Command(peer, i + 1, ['no-such-program']));
    const refused = new Command(peer, 1000, ['true']);
    expect(await refused.failed()).toMatchObject({ stage: 1 });
    await Promise.all(failures.map((each) => each.failed()));
    refused.forget();
    failures[0]?.forget();
    expect(await new Command(peer, 1001, ['true']).exited()).toMatchObject({ status: 0 });
  });

  it('leaves neither descriptor nor memory nor process behind, however many there were', async () => {
    using native = new NativeInit(init);
    const peer = await native.greeted();
    const descriptors = () => readFileSync(`/proc/${native.pid}/status`, 'utf8').match(/^(FDSize|Threads):.*$/gm);
    const memory = () => Number(/^VmSize:\s+(\d+)/m.exec(readFileSync(`/proc/${native.pid}/status`, 'utf8'))?.[1]);
    const before = { descriptors: descriptors(), memory: memory() };
    for (let id = 1; id <= 1000; id += 1) {
      const command = new Command(peer, id, ['/bin/true']);
      await command.exited();
      command.forget();
      peer.frames.length = 0;
    }
    peer.send(to.PING);
    await peer.frame(from.PONG);
    expect({ descriptors: descriptors(), memory: memory() }).toEqual(before);
    expect(readFileSync(`/proc/${native.pid}/task/${native.pid}/children`, 'utf8')).toBe('');
  });
});
