import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import type { Session } from '../../src/session/session.js';
import { engineKinds } from '../engine/support/engines.js';
import { processesIn, run, Stage, said } from '../engine/support/stage.js';

const mib = 1024 ** 2;
const memoryBytes = 128 * mib;
const pids = 60;

/** Where the kernel has to hold limits (scripts/test-vm); elsewhere it does when the engine was delegated controllers. */
const isRequired = process.env['PADDOCK_TEST_REQUIRE']?.split(',').includes('limits') === true;

/** The engine's own exec tells nothing of what a command used. */
const ways = engineKinds.flatMap((kind) => (['fifo', 'attach'] as const).map((path) => [kind, path] as const));

/** Takes memory for as long as it gets any: it waits for the end of a line that never ends. */
const hog = 'tail /dev/zero';

describe.each(ways)('limits that the kernel enforces, on a real rootless %s, over %s', (kind, commandPath) => {
  let stage: Stage;
  let session: Session;

  beforeAll(async () => {
    stage = await Stage.open(kind, { commandPath });
    session = await stage.create({ memory: '128m', cpus: 0.25, pids });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  function need(id: 'memory' | 'cpu' | 'pids', { skip }: TestContext): void {
    const status = session.sandbox.handle.evidence.controls.find((control) => control.id === id)?.status;
    if (isRequired) expect([id, status]).toEqual([id, 'enforced']);
    else skip(status !== 'enforced', `the kernel holds no ${id} limit here`);
  }

  it('memory: what takes more is killed, and the command says `oom`', async (context) => {
    need('memory', context);
    const result = await run(session, `exec ${hog}`);
    expect(result).toMatchObject({ reason: 'oom', exitCode: 137 });
    expect(result.usage.oomKills).toBeGreaterThanOrEqual(1);
    // What it maps of files (libc, say) is resident in it and may be charged to others.
    expect(result.usage.peakProcessBytes).toBeLessThan(memoryBytes + 16 * mib);
  });

  it('memory: a child that takes more is killed for its command, too', async (context) => {
    need('memory', context);
    expect(await run(session, `${hog}; exit $?`)).toMatchObject({ reason: 'oom', exitCode: 137 });
    // A command that lives on has ended as it says; where it has a cgroup of its own none does.
    const line = `${hog}; echo $?; exit 3`;
    const hasOwn = (await session.sandbox.commandCgroups) === 'in use';
    const livesOn = { reason: 'exited', exitCode: 3, stdout: { text: '137\n' } };
    expect(await run(session, line)).toMatchObject(hasOwn ? { reason: 'oom', exitCode: 137 } : livesOn);
  });

  it('memory: a command that fills everything it may write to finds no space left, and leaves a session that is of use', async (context) => {
    need('memory', context);
    const folders = '/tmp /var/tmp /home/agent /run /dev/shm';
    const line = `for f in ${folders}; do head -c ${memoryBytes} /dev/zero >$f/big; done; exit 3`;
    const result = await run(session, line);
    expect(result).toMatchObject({ reason: 'exited', exitCode: 3 });
    expect(result.stderr.text.match(/No space left on device/g)).toHaveLength(5);
    expect(result.usage.oomKills).toBe(0);
    const more = 'head -c 16777216 /dev/zero >/tmp/more; wc -c </tmp/more; rm /tmp/more';
    const emptied = `for f in ${folders}; do rm $f/big; done; ${more}`;
    expect(await said(session, emptied)).toBe(String(16 * mib));
  });

  it('memory: what a tmpfs holds counts, too, where it is larger, and the sandbox can be removed', async (context) => {
    need('memory', context);
    // Of its own: what fills the limit stays there when the writer is gone, and leaves later commands nothing. No session is made so;
    // one whose memory is lowered keeps its tmpfs, and whoever does that is told.
    const full = await stage.create({ memory: '512m' });
    const { notes } = await stage.sessions.update(full.id, { memory: '128m' });
    expect(notes).toEqual([expect.stringContaining('full ones can leave nothing')]);
    const result = await run(
      full,
      `head -c ${memoryBytes} /dev/zero >/tmp/big; exec head -c ${memoryBytes} /dev/zero >/home/agent/big`,
    );
    expect(result).toMatchObject({ reason: 'oom', exitCode: 137 });
    expect(full.sandbox.alive).toBe(true);
    await stage.sessions.destroy(full.id);
  });

  it('memory: what takes less is not, and the sandbox outlives what was killed', async (context) => {
    need('memory', context);
    expect(await said(session, `head -c ${32 * mib} /dev/zero | tail -c ${32 * mib} | wc -c`)).toBe(String(32 * mib));
    expect(session.sandbox.alive).toBe(true);
  });

  it('pids: a loop of forks ends at the limit, and the next command runs', async (context) => {
    need('pids', context);
    // As /bin/sh, dash gives up at the first fork that fails, and bash when it has tried again for 15 s.
    const loop = 'n=0; while [ $n -lt 500 ]; do sleep 1000 & n=$((n + 1)); echo $n; done';
    const result = await run(session, loop);
    expect(result.stderr.text).toMatch(/fork/i);
    const forks = Number(result.stdout.text.trimEnd().split('\n').at(-1));
    expect(forks).toBeGreaterThan(pids / 4);
    expect(forks).toBeLessThan(pids);
    expect(processesIn(session)).toEqual([]);
    expect(await said(session, 'echo lives')).toBe('lives');
  });

  it('cpu: what computes is held back, and the command says for how long', async (context) => {
    need('cpu', context);
    // A fixed amount of work and not of time: it is throttled however fast the machine is.
    const result = await run(session, 'i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done');
    expect(result).toMatchObject({ exitCode: 0, reason: 'exited' });
    expect(result.usage.sandboxThrottledMs).toBeGreaterThan(0);
    const usedMs = (result.usage.userCpuMs ?? 0) + (result.usage.systemCpuMs ?? 0);
    expect(usedMs).toBeLessThan(result.usage.durationMs / 2);
  });
});
