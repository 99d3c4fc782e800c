import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../src/session/session.js';
import { engineKinds } from '../engine/support/engines.js';
import { processesIn, run, Stage, said } from '../engine/support/stage.js';
import { cpuCount, ownCgroup } from './support/own-cgroup.js';

const mib = 1024 ** 2;
const memoryBytes = 96 * mib;
const pids = 60;
const isRequired = process.env['PADDOCK_TEST_REQUIRE']?.split(',').includes('limits') === true;

/** Each takes memory by another way, for as long as it gets any, and holds all of it. */
const hogs = {
  'the heap': 'held = []\nwhile True: held.append(b"x" * 2**20)',
  'anonymous mappings':
    'import mmap\nheld = []\nwhile True:\n  m = mmap.mmap(-1, 2**20); m.write(b"x" * 2**20); held.append(m)',
  'files in memory (memfd)': 'import os\nf = os.memfd_create("hog")\nwhile True: os.write(f, b"x" * 2**20)',
  // Each process gets what a user may have in large pipes (64 MiB, less what other sandboxes have), and small ones after that: with a
  // little beside each, the limit is well below what its descriptors allow.
  pipes: `import os, fcntl
held = []
while True:
  r, w = os.pipe()
  try: fcntl.fcntl(w, 1031, 2**20)
  except OSError: pass
  os.set_blocking(w, False)
  try:
    while True: os.write(w, b"x" * 2**16)
  except BlockingIOError: pass
  held.append((r, w, b"x" * 2**14))`,
  'many small processes': `import os, time
for _ in range(40):
  if os.fork() == 0:
    held = b"x" * (8 * 2**20)
    time.sleep(600)
for _ in range(40): os.wait()`,
} as const;

const python = (script: string) => ['/usr/bin/python3', '-c', script];

describe.each(engineKinds)(
  'what a sandbox may try to take more than its share, on a real rootless %s (limits)',
  (kind) => {
    let stage: Stage;
    let session: Session;
    let other: Session;
    let isHeld = false;
    beforeAll(async () => {
      stage = await Stage.open(kind);
      session = await stage.create({ memory: `${memoryBytes / mib}m`, cpus: 0.5, pids });
      other = await stage.create({ memory: '96m', cpus: 0.5 });
      const { controls } = session.sandbox.handle.evidence;
      const held = controls.filter(({ id, status }) => ['memory', 'cpu', 'pids'].includes(id) && status === 'enforced');
      isHeld = held.length === 3;
      if (isRequired) expect(held.map(({ id }) => id).toSorted()).toEqual(['cpu', 'memory', 'pids']);
    });
    afterAll(() => stage[Symbol.asyncDispose]());

    /** The session itself, the one beside it, and what is left of the attempt. */
    async function expectServed(): Promise<void> {
      expect(await said(other, 'echo beside')).toBe('beside');
      expect(await said(session, 'echo usable')).toBe('usable');
      expect(processesIn(session)).toEqual([]);
    }

    it.for(Object.entries(hogs))(
      'memory by %s: ends as `oom`, and the session is usable',
      async ([, script], { skip }) => {
        skip(!isHeld, 'the kernel holds no limits here');
        const { reason, usage } = await run(session, python(script));
        expect([reason, (usage.oomKills ?? 0) > 0]).toEqual(['oom', true]);
        await expectServed();
      },
    );

    it('threads without end: no more than the limit, and the session is usable', async ({ skip }) => {
      skip(!isHeld, 'the kernel holds no limits here');
      const script = `import threading, time
n = 0
try:
  while True:
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    n += 1
except RuntimeError: print(n, flush=True)
import os
os._exit(0)`;
      const { stdout, exitCode } = await run(session, python(script));
      expect(exitCode).toBe(0);
      expect(Number(stdout.text)).toBeGreaterThan(pids / 2);
      expect(Number(stdout.text)).toBeLessThan(pids);
      await expectServed();
    });

    it('a fork bomb: others are served while it goes off, and its session ends within fifteen seconds', async ({
      skip,
    }) => {
      skip(!isHeld, 'the kernel holds no limits here');
      const victim = await stage.create({ memory: '96m', cpus: 0.5, pids });
      const entry = await victim.start({
        // Goes on where it gets no more processes: a shell's bomb ends by itself then, now and then all of it at once.
        argv: ['/usr/bin/perl', '-e', 'for (;;) { fork }'],
        timeoutMs: 60_000,
        outputCapBytes: 4096,
        outputLimitBytes: 64 * mib,
      });
      await expect.poll(() => processesIn(victim).length, { timeout: 20_000, interval: 50 }).toBeGreaterThan(pids / 2);
      expect(await said(other, 'echo beside')).toBe('beside');
      expect(processesIn(victim).length).toBeLessThanOrEqual(pids);
      const started = performance.now();
      await stage.sessions.destroy(victim.id);
      await entry.settled;
      // The engine's part in it, on a processor that is shared with the bomb.
      expect(performance.now() - started).toBeLessThan(15_000);
      await expectServed();
    });

    it('all processors: its quota and no more, while others are served', async ({ skip }) => {
      skip(!isHeld, 'the kernel holds no limits here');
      const before = cpuStat(session);
      const spin = 'for i in 1 2 3 4; do while :; do :; done & done; wait';
      const entry = await session.start({
        argv: ['/bin/sh', '-c', spin],
        timeoutMs: 6000,
        outputCapBytes: 4096,
        outputLimitBytes: 64 * mib,
      });
      expect(await said(other, 'echo beside')).toBe('beside');
      await entry.settled;
      if (entry.outcome === undefined || 'error' in entry.outcome) throw new Error('it has no result');
      const { reason, usage } = entry.outcome.result;
      const used = cpuStat(session).since(before);
      expect(reason).toBe('timeout');
      expect((usage.userCpuMs ?? 0) + (usage.systemCpuMs ?? 0)).toBeLessThanOrEqual(used.cpuMs);
      const quotaMs = 0.5 * used.elapsedMs;
      expect(used.cpuMs).toBeLessThan(1.1 * quotaMs);
      // A busy host may give it so little that its quota holds nothing back, or only in a last period that outlasts the command.
      if (used.throttledMs > 500) expect(usage.sandboxThrottledMs).toBeGreaterThan(0);
      // A busy host may give it less. Not where the kernel says that its quota is what held it back, in most of the periods.
      const wasHeldBack = used.throttled > 0.8 * (used.elapsedMs / 100);
      if (wasHeldBack) expect(used.cpuMs).toBeGreaterThan(0.6 * quotaMs);
      await expectServed();
    });
  },
);

interface CpuStat {
  readonly atMs: number;
  readonly cpuMs: number;
  /** Periods of 100 ms in which the quota was used up. */
  readonly throttled: number;
  readonly throttledMs: number;
}

/** What the kernel counts for the session's own cgroup. */
function cpuStat({ sandbox }: Session) {
  const { initPid, containerId } = sandbox.handle;
  const text = ownCgroup(containerId, initPid)('cpu.stat');
  const read = (name: string) => cpuCount(text, name);
  const now = {
    atMs: performance.now(),
    cpuMs: read('usage_usec') / 1000,
    throttled: read('nr_throttled'),
    throttledMs: read('throttled_usec') / 1000,
  };
  return {
    ...now,
    since: (before: CpuStat) => ({
      elapsedMs: now.atMs - before.atMs,
      cpuMs: now.cpuMs - before.cpuMs,
      throttled: now.throttled - before.throttled,
      throttledMs: now.throttledMs - before.throttledMs,
    }),
  };
}
