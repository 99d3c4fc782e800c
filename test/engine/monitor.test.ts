import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { builtInPolicy } from '../../src/config/built-in-policy.js';
import { systemClock } from '../../src/kit/clock.js';
import { Monitoring } from '../../src/monitor/monitoring.js';
import type { Session } from '../../src/session/session.js';
import { watchSession } from '../../src/session/watch.js';
import { CountingSocket } from './support/counting-socket.js';
import { engineKinds, engineSockets } from './support/engines.js';
import { command, Stage } from './support/stage.js';

const mib = 1024 ** 2;

describe.each(engineKinds)('what a session on a real rootless %s uses', (kind) => {
  let counting: CountingSocket;
  let stage: Stage;
  let session: Session;
  const { alarms: thresholds } = builtInPolicy('/');
  const monitoring = new Monitoring({ clock: systemClock, thresholds, onAlarm: () => undefined });
  let watch: AsyncDisposable;

  beforeAll(async () => {
    counting = await CountingSocket.before(engineSockets[kind]);
    stage = await Stage.open(kind, { socketPath: counting.path });
    session = await stage.create({ memory: '256m' });
    watch = watchSession(session, { store: stage.store, audit: stage.audit, clock: systemClock, monitoring });
  });
  afterAll(async () => {
    await watch[Symbol.asyncDispose]();
    await stage[Symbol.asyncDispose]();
    await counting[Symbol.asyncDispose]();
  });

  const usage = () => {
    const { usage: used } = monitoring.stateOf(session.id);
    if (used === undefined) throw new Error('nothing is known of a session that runs');
    return used;
  };

  it('is known of an idle one at once, and each number says where it comes from', () => {
    const sample = usage();
    expect(sample.memoryBytes).toBeGreaterThan(0);
    expect(sample.memoryBytes).toBeLessThan(64 * mib);
    expect(sample.pids).toBeGreaterThanOrEqual(1);
    expect(sample.sources).toMatchObject({
      memory: expect.any(String),
      cpu: expect.any(String),
      pids: expect.any(String),
    });
  });

  it('grows with what runs in it, and no request goes to the engine for that', async () => {
    const before = usage();
    const sentBytes = counting.sentBytes;
    // 64 MiB of its own memory, three processes, and CPU for as long as it lives.
    const line = 'x=$(head -c 67108864 /dev/zero | tr "\\0" a); sleep 1000 & while :; do :; done';
    const entry = await session.start(command(line));
    const used = await vi.waitUntil(
      () => {
        const now = usage();
        const grown = (now.memoryBytes ?? 0) - (before.memoryBytes ?? 0);
        return grown > 60 * mib && (now.cpuMillis ?? 0) > 200 && (now.pids ?? 0) >= (before.pids ?? 0) + 2
          ? now
          : undefined;
      },
      { timeout: 30_000, interval: 300 },
    );
    expect(used.cpuUs).toBeGreaterThan(before.cpuUs ?? 0);
    expect(counting.sentBytes).toBe(sentBytes);
    await entry.command.end('aborted');
    await entry.settled;
    // What has ended counts on; a walk over /proc that it ends under has neither it nor its parent's count of it.
    await expect.poll(() => usage().cpuUs, { timeout: 15_000 }).toBeGreaterThanOrEqual(used.cpuUs ?? 0);
    expect(monitoring.stateOf(session.id).trends?.['1m'].memoryBytes?.max).toBeGreaterThan(60 * mib);
  });

  it('is what the engine says, or the engine says nothing: zeros are not taken for numbers', async () => {
    const said = await session.sandbox.usageByEngine();
    if (said === undefined) return;
    for (const value of [said.memoryBytes, said.cpuUs, said.pids]) expect(value ?? 1).toBeGreaterThan(0);
    expect(Object.values(said.sources)).toContain('engine');
  });
});
