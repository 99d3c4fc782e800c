import { describe, expect, it } from 'vitest';
import type { SessionError } from '../../../src/core/errors.js';
import type { AdmissionRules } from '../../../src/core/site-policy.js';
import { toFailure } from '../../../src/mcp/error-result.js';
import { Admission } from '../../../src/session/admission.js';
import { AdmissionRow } from '../../../src/session/admission-row.js';
import type { HostRoom } from '../../../src/session/host-room.js';
import type { Promised } from '../../../src/session/promised.js';

const gib = 1024 ** 3;
const one: Promised = { id: 'asked', memoryBytes: gib, cpuMillis: 1000 };
let made = 0;
/** Another session. */
const another = (changes: Partial<Promised> = {}): Promised => {
  made += 1;
  return { ...one, id: `other ${made}`, ...changes };
};
const several = (count: number) => Array.from({ length: count }, () => another());
const signal = new AbortController().signal;

interface World {
  own: Promised[];
  others: Promised[];
  room: HostRoom;
  /** What the records of others say when they are read. */
  onRead: () => Promised[];
  /** How often records were read, and how often what this process has and what the host has was looked at. */
  looks: { others: number; own: number; room: number };
  /** Called at every wait. */
  onWait: () => void;
  /** Where waits are to be waits. */
  sleep?: (stop?: AbortSignal) => Promise<void>;
}

function admission(rules: Partial<AdmissionRules> = {}, maxSessions = 8) {
  const world: World = {
    own: [],
    others: [],
    room: { memoryBytes: 4 * gib, availableBytes: 2 * gib },
    onRead: () => world.others,
    looks: { others: 0, own: 0, room: 0 },
    onWait: () => undefined,
  };
  const counted = <T>(what: keyof World['looks'], value: T): T => {
    world.looks[what] += 1;
    return value;
  };
  let elapsedMs = 0;
  const waits: number[] = [];
  const row = new AdmissionRow({
    rules: {
      ...{
        userSessions: 10,
        memoryPercent: 200,
        cpuPercent: 400,
        freeMemoryBytes: gib,
        waitMs: 1000,
        waiting: 2,
        keptBytes: gib,
      },
      ...rules,
    },
    ...{ maxSessions, cpuCount: 2 },
    clock: {
      now: () => 0,
      monotonic: () => elapsedMs,
      sleep: (ms, stop) => {
        if (world.sleep !== undefined) return world.sleep(stop);
        elapsedMs += ms;
        waits.push(ms);
        world.onWait();
        return stop?.aborted === true ? Promise.reject(new DOMException('cut', 'AbortError')) : Promise.resolve();
      },
    },
    own: () => counted('own', world.own),
    others: () => Promise.resolve(counted('others', world.onRead())),
    room: () => counted('room', world.room),
  });
  return { gate: new Admission(row), world, waits };
}

describe('admission', () => {
  it.each<[string, Partial<World>, string, RegExp]>([
    ['too many in this process', { own: several(8) }, 'sessions.limit', /8 sessions are open/],
    ['too many of the user', { others: several(10) }, 'admission.sessions', /10 of them in other/],
    [
      'too much memory together',
      { own: [another({ memoryBytes: 5 * gib })], others: [another({ memoryBytes: 3 * gib })] },
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
      { others: [another({ cpuMillis: 7500 })] },
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
    const release = await gate.admit(another(), signal);
    await expect(gate.admit(another(), signal)).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    release();
    world.own = [];
    await gate.admit(another(), signal);
  });

  it('waits for room, and no longer than it may', async () => {
    const { gate, world, waits } = admission({}, 1);
    world.own = [another()];
    world.onWait = () => {
      if (waits.length === 3) world.own = [];
    };
    await gate.admit(one, signal);
    expect(waits).toHaveLength(3);
    const full = admission({}, 1);
    full.world.own = [another()];
    await expect(full.gate.admit(one, signal)).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    expect(full.waits.reduce((sum, ms) => sum + ms, 0)).toBe(1000);
  });

  it('lets those in first who came first', async () => {
    const { gate, world, waits } = admission({ waiting: 3 }, 1);
    world.own = [another()];
    world.onWait = () => {
      if (waits.length === 2) world.own = [];
    };
    const order: string[] = [];
    const come = async (name: string) => {
      const release = await gate.admit(another(), signal);
      order.push(name);
      release();
    };
    await Promise.all(['first', 'second', 'third'].map(come));
    expect(order).toEqual(['first', 'second', 'third']);
  });

  it('has no more waiting than it may', async () => {
    const { gate, world, waits } = admission({ waiting: 1 }, 1);
    world.own = [another()];
    const results = await Promise.allSettled([gate.admit(one, signal), gate.admit(another(), signal)]);
    expect(results.map((r) => r.status)).toEqual(['rejected', 'rejected']);
    // All of them the first one's: the other was refused at its first look.
    expect(waits).toHaveLength(5);
  });

  it('is given up when whoever asked goes away', async () => {
    const { gate, world } = admission({}, 1);
    world.own = [another()];
    const cancel = new AbortController();
    world.onWait = () => cancel.abort();
    await expect(gate.admit(one, cancel.signal)).rejects.toMatchObject({ name: 'AbortError' });
    world.own = [];
    await gate.admit(one, signal);
  });
});

describe('rooms that several callers want', () => {
  it('do not wait for each other: who finds none keeps nobody else from what is enough for them', async () => {
    const { gate, world, waits } = admission();
    world.own = [another({ memoryBytes: 7 * gib })];
    const [ada, bob] = [gate.forKey('ada'), gate.forKey('bob')];
    const order: string[] = [];
    const come = async (who: Admission, name: string, memoryBytes: number) => {
      const release = await who.admit(another({ memoryBytes }), signal).catch(() => undefined);
      order.push(release === undefined ? `not ${name}` : name);
      release?.();
    };
    let his: Promise<void> | undefined;
    world.onWait = () => {
      if (waits.length === 2) his = come(bob, 'bob', gib);
    };
    await Promise.all([come(ada, 'ada', 2 * gib), come(ada, 'ada’s next', gib)]);
    await his;
    expect(order).toEqual(['bob', 'not ada', 'ada’s next']);
  });

  it('hold no more than there is room for, whoever comes at once', async () => {
    const { gate, world } = admission({ waitMs: 0 });
    world.own = [another({ memoryBytes: 5 * gib })];
    const asked = Array.from({ length: 12 }, (_, i) => gate.forKey(`key ${i}`).admit(another(), signal));
    const made = (await Promise.allSettled(asked)).filter(({ status }) => status === 'fulfilled');
    expect(made).toHaveLength(3);
  });

  it('are looked for by everybody who waits in turn, each of whom looks at the host once, however many wait', async () => {
    const { gate, world } = admission({}, 1);
    world.own = [another()];
    const asked = Array.from({ length: 12 }, (_, i) => gate.forKey(`key ${i}`).admit(another(), signal));
    const results = await Promise.allSettled(asked);
    expect(results.map(({ status }) => status)).toEqual(Array<string>(12).fill('rejected'));
    const { others: looks } = world.looks;
    expect(looks).toBeGreaterThan(12);
    expect(world.looks).toEqual({ others: looks, own: looks, room: looks });
  });

  /** Ada waits, and bob after her, until `wake`; there is one place, which is free by then. */
  async function bothWait(signalOfAda = signal) {
    const { gate, world } = admission({}, 1);
    const sleeping: (() => void)[] = [];
    world.sleep = (stop) =>
      new Promise((resolve, reject) => {
        stop?.addEventListener('abort', () => reject(new DOMException('cut', 'AbortError')));
        sleeping.push(resolve);
      });
    const wake = async (at: number, asleep: number) => {
      sleeping[at]?.();
      await expect.poll(() => sleeping.length).toBe(asleep);
    };
    world.own = [another()];
    const hers = gate.forKey('ada').admit(another(), signalOfAda);
    await wake(-1, 1);
    const his = gate.forKey('bob').admit(another(), signal);
    await wake(-1, 2);
    world.own = [];
    return { hers, his, wake };
  }

  it('are given to the one who has waited longest, by whose look ever they are found', async () => {
    const { hers, his, wake } = await bothWait();
    await wake(1, 3);
    await wake(0, 3);
    const release = await hers;
    release();
    await wake(2, 3);
    (await his)();
  });

  it('are given back by one who goes away just as somebody else’s look has let them in', async () => {
    const cancel = new AbortController();
    const { hers, his, wake } = await bothWait(cancel.signal);
    await wake(1, 3);
    cancel.abort();
    await expect(hers).rejects.toMatchObject({ name: 'AbortError' });
    await wake(2, 3);
    (await his)();
  });

  it('are waited for by as many of each as may, however many of another do', async () => {
    const { gate, world, waits } = admission({ waiting: 1 }, 1);
    world.own = [another()];
    const ada = gate.forKey('ada');
    const hers = Promise.allSettled([ada.admit(another(), signal), ada.admit(another(), signal)]);
    world.onWait = () => {
      if (waits.length === 2) world.own = [];
    };
    const his = gate.forKey('bob').admit(another(), signal);
    expect((await hers).map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    await expect(his).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    expect(waits.length).toBeGreaterThan(3);
  });
});

describe('for the holder of a key', () => {
  it.each<[string, Partial<World>]>([
    ['too many in this process', { own: several(8) }],
    ['too many of the user', { others: several(10) }],
    ['too much memory together', { others: [another({ memoryBytes: 8 * gib })] }],
    ['too little memory left', { room: { memoryBytes: 4 * gib, availableBytes: gib / 2 } }],
    ['too much CPU together', { others: [another({ cpuMillis: 7500 })] }],
  ])('a refusal with %s tells nothing of the sessions of others', async (_what, changes) => {
    const { gate, world } = admission({ waitMs: 0 });
    Object.assign(world, changes);
    const refused: unknown = await gate
      .forKey('ada')
      .admit(one, signal)
      .catch((error: unknown) => error);
    const failure = toFailure(refused);
    expect(failure).toEqual({
      ...{ code: 'LIMIT_REACHED', ruleId: 'admission.room', message: 'the server has no room for it now' },
      ...{ next: expect.any(String), retryable: true, retryAfterMs: 10_000 },
    });
    expect(failure.next).toMatch(/^End sessions of yours .* call again in 10s/);
    expect((refused as SessionError).info).toEqual({ ruleId: 'admission.room', retryAfterMs: 10_000 });
    // What the log has of it, for whoever runs the server.
    expect((refused as SessionError).cause).toMatchObject({
      code: 'LIMIT_REACHED',
      message: expect.stringMatching(/\d/),
    });
  });

  it('so it is where a session is to grow, and what is no refusal is passed on as it is', async () => {
    const { gate, world } = admission({ waitMs: 0 });
    world.own = [one, another({ memoryBytes: 7 * gib })];
    const ofKey = gate.forKey('ada');
    await expect(ofKey.grow(one, { ...one, memoryBytes: 3 * gib }, signal)).rejects.toMatchObject({
      info: { ruleId: 'admission.room' },
    });
    await expect(ofKey.admit(another(), AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('growth of a session that runs', () => {
  const more = { ...one, memoryBytes: 3 * gib };

  it('is judged by the same sums, with what the session has counted once', async () => {
    const { gate, world } = admission({ waitMs: 0 });
    Object.assign(world, {
      own: [one, another({ memoryBytes: 2 * gib })],
      others: [another({ memoryBytes: 3 * gib })],
    });
    const release = await gate.grow(one, more, signal);
    release();
    const refusal = gate.grow(one, { ...one, memoryBytes: 4 * gib }, signal);
    await expect(refusal).rejects.toMatchObject({
      code: 'LIMIT_REACHED',
      info: { ruleId: 'admission.memory', memoryBytes: 9 * gib, mostBytes: 8 * gib },
      message: expect.stringContaining('with this one, 3 sessions could use 9 GiB'),
      hint: expect.stringContaining('ask for less'),
    });
    await expect(gate.grow(one, { ...one, cpuMillis: 7000 }, signal)).rejects.toMatchObject({
      info: { ruleId: 'admission.cpu', cpuMillis: 9000, mostMillis: 8000 },
    });
  });

  it('needs memory that is available on the host', async () => {
    const { gate, world } = admission({ waitMs: 0 });
    Object.assign(world, { own: [one], room: { memoryBytes: 4 * gib, availableBytes: gib / 2 } });
    await expect(gate.grow(one, more, signal)).rejects.toMatchObject({ info: { ruleId: 'admission.free-memory' } });
    // CPU alone does not.
    await gate.grow(one, { ...one, cpuMillis: 2000 }, signal);
  });

  it('is no matter of how many sessions there are', async () => {
    const { gate, world } = admission({ waitMs: 0, userSessions: 1 }, 1);
    world.own = [one];
    world.others = [another()];
    await gate.grow(one, more, signal);
  });

  it('passes at once where nothing grows, however full the host is; what shrinks beside it is not judged', async () => {
    const { gate, world } = admission();
    Object.assign(world, {
      own: [one, another({ memoryBytes: 90 * gib })],
      room: { memoryBytes: gib, availableBytes: 0 },
    });
    await gate.grow(one, one, signal);
    await gate.grow(one, { ...one, memoryBytes: gib / 2, cpuMillis: 500 }, signal);
    await gate.grow(one, { ...one, memoryBytes: gib / 2, cpuMillis: 2000 }, signal);
  });

  it('and sessions that are made share one room, until what was reserved is given back', async () => {
    const { gate, world } = admission({ waitMs: 0 });
    world.own = [one, another({ memoryBytes: 4 * gib })];
    const release = await gate.grow(one, more, signal);
    await expect(gate.admit(another({ memoryBytes: 2 * gib }), signal)).rejects.toMatchObject({
      info: { ruleId: 'admission.memory', memoryBytes: 9 * gib },
    });
    release();
    const made = await gate.admit(another({ memoryBytes: 2 * gib }), signal);
    await expect(gate.grow(one, more, signal)).rejects.toMatchObject({ info: { memoryBytes: 9 * gib } });
    made();
    await gate.grow(one, more, signal);
  });

  it('still counts what is given back while the records are read', async () => {
    const { gate, world } = admission({ waitMs: 0 });
    // As in a process that holds sessions it did not make: all it knows of them is in their records.
    const records = [one, another({ memoryBytes: 4 * gib })];
    const release = await gate.grow(one, more, signal);
    world.onRead = () => {
      const seen = [...records];
      records[0] = more;
      release();
      return seen;
    };
    await expect(gate.admit(another({ memoryBytes: 2 * gib }), signal)).rejects.toMatchObject({
      info: { memoryBytes: 9 * gib },
    });
  });

  it('waits for room in one row with sessions that are made', async () => {
    const { gate, world, waits } = admission({ waiting: 2 });
    world.own = [one, another({ memoryBytes: 7 * gib })];
    const order: string[] = [];
    world.onWait = () => {
      if (waits.length === 2) world.own = [one];
    };
    const making = gate.admit(another({ memoryBytes: 5 * gib }), signal).then((release) => {
      order.push('made');
      release();
    });
    const growing = gate.grow(one, more, signal).then(() => order.push('grown'));
    await Promise.all([making, growing]);
    expect(order).toEqual(['made', 'grown']);
  });
});
