import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AdmissionRules } from '../../../src/core/site-policy.js';
import { Admission, type Promised } from '../../../src/session/admission.js';
import { type HostRoom, readHostRoom } from '../../../src/session/host-room.js';

const gib = 1024 ** 3;
const one: Promised = { memoryBytes: gib, cpuMillis: 1000 };
const signal = new AbortController().signal;

interface World {
  own: Promised[];
  others: Promised[];
  room: HostRoom;
  /** Called at every wait. */
  onWait: () => void;
}

function admission(rules: Partial<AdmissionRules> = {}, maxSessions = 8) {
  const world: World = {
    own: [],
    others: [],
    room: { memoryBytes: 4 * gib, availableBytes: 2 * gib },
    onWait: () => undefined,
  };
  let elapsedMs = 0;
  const waits: number[] = [];
  const gate = new Admission({
    rules: {
      ...{ userSessions: 10, memoryPercent: 200, cpuPercent: 400, freeMemoryBytes: gib, waitMs: 1000, waiting: 2 },
      ...rules,
    },
    ...{ maxSessions, cpuCount: 2 },
    clock: {
      now: () => 0,
      monotonic: () => elapsedMs,
      sleep: (ms, stop) => {
        elapsedMs += ms;
        waits.push(ms);
        world.onWait();
        return stop?.aborted === true ? Promise.reject(new DOMException('cut', 'AbortError')) : Promise.resolve();
      },
    },
    own: () => world.own,
    others: () => Promise.resolve(world.others),
    room: () => world.room,
  });
  return { gate, world, waits };
}

describe('admission', () => {
  it.each<[string, Partial<World>, string, RegExp]>([
    ['too many in this process', { own: Array(8).fill(one) as Promised[] }, 'sessions.limit', /8 sessions are open/],
    [
      'too many of the user',
      { others: Array(10).fill(one) as Promised[] },
      'admission.sessions',
      /10 of them in other/,
    ],
    [
      'too much memory together',
      { own: [{ ...one, memoryBytes: 5 * gib }], others: [{ ...one, memoryBytes: 3 * gib }] },
      'admission.memory',
      /3 sessions could use 9 GiB .* 8 GiB is the limit \(200 % of 4 GiB\)/,
    ],
    [
      'too little memory left',
      { room: { memoryBytes: 4 * gib, availableBytes: gib / 2 } },
      'admission.free-memory',
      /512 MiB .* 1 GiB has to be/,
    ],
    [
      'too much CPU together',
      { others: [{ ...one, cpuMillis: 7500 }] },
      'admission.cpu',
      /2 sessions could use 8.5 CPUs, and 8 is the limit/,
    ],
  ])('refuses with %s, the rule and the numbers', async (_what, changes, ruleId, message) => {
    const { gate, world } = admission({ waitMs: 0 });
    Object.assign(world, changes);
    const refusal = gate.admit(one, signal);
    await expect(refusal).rejects.toMatchObject({ code: 'LIMIT_REACHED', info: { ruleId } });
    await expect(refusal).rejects.toThrow(message);
  });

  it('counts what it has let in until that counts by itself', async () => {
    const { gate, world } = admission({ waitMs: 0 }, 1);
    const release = await gate.admit({ ...one }, signal);
    await expect(gate.admit({ ...one }, signal)).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    release();
    world.own = [];
    await gate.admit({ ...one }, signal);
  });

  it('waits for room, and no longer than it may', async () => {
    const { gate, world, waits } = admission({}, 1);
    world.own = [one];
    world.onWait = () => {
      if (waits.length === 3) world.own = [];
    };
    await gate.admit(one, signal);
    expect(waits).toHaveLength(3);
    const full = admission({}, 1);
    full.world.own = [one];
    await expect(full.gate.admit(one, signal)).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    expect(full.waits.reduce((sum, ms) => sum + ms, 0)).toBe(1000);
  });

  it('lets those in first who came first', async () => {
    const { gate, world, waits } = admission({ waiting: 3 }, 1);
    world.own = [one];
    world.onWait = () => {
      if (waits.length === 2) world.own = [];
    };
    const order: string[] = [];
    const come = async (name: string) => {
      const release = await gate.admit({ ...one }, signal);
      order.push(name);
      release();
    };
    await Promise.all(['first', 'second', 'third'].map(come));
    expect(order).toEqual(['first', 'second', 'third']);
  });

  it('has no more waiting than it may', async () => {
    const { gate, world, waits } = admission({ waiting: 1 }, 1);
    world.own = [one];
    const results = await Promise.allSettled([gate.admit(one, signal), gate.admit(one, signal)]);
    expect(results.map((r) => r.status)).toEqual(['rejected', 'rejected']);
    // All of them the first one's: the other was refused at its first look.
    expect(waits).toHaveLength(5);
  });

  it('is given up when whoever asked goes away', async () => {
    const { gate, world } = admission({}, 1);
    world.own = [one];
    const cancel = new AbortController();
    world.onWait = () => cancel.abort();
    await expect(gate.admit(one, cancel.signal)).rejects.toMatchObject({ name: 'AbortError' });
    world.own = [];
    await gate.admit(one, signal);
  });
});

describe('the room of a host', () => {
  it('is what the kernel says is available, within the limits of the cgroups around us', () => {
    const folder = mkdtempSync(join(tmpdir(), 'paddock-room-'));
    try {
      mkdirSync(join(folder, 'proc', 'self'), { recursive: true });
      mkdirSync(join(folder, 'cgroup', 'user', 'app'), { recursive: true });
      writeFileSync(join(folder, 'proc', 'meminfo'), 'MemTotal: 100 kB\nMemAvailable:      42 kB\n');
      writeFileSync(join(folder, 'proc', 'self', 'cgroup'), '0::/user/app\n');
      writeFileSync(join(folder, 'cgroup', 'user', 'app', 'memory.max'), 'max\n');
      const room = () => readHostRoom(join(folder, 'proc'), join(folder, 'cgroup'));
      expect(room()).toEqual({ memoryBytes: totalmem(), availableBytes: 42 * 1024 });
      writeFileSync(join(folder, 'cgroup', 'user', 'memory.max'), '1048576\n');
      expect(room()).toEqual({ memoryBytes: 1048576, availableBytes: 42 * 1024 });
      expect(readHostRoom('/nowhere', '/nowhere')).toEqual({ memoryBytes: totalmem(), availableBytes: undefined });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
