import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../src/core/errors.js';
import type { ControlId } from '../../../src/core/evidence.js';
import type { Engine, EngineKind } from '../../../src/engine/types.js';
import { updateBody } from '../../../src/sandbox/body/update.js';
import { heldBytes } from '../../../src/sandbox/memory-in-use.js';
import { pidNamespaceOf, startTicksOf } from '../../../src/sandbox/processes.js';
import { Sandbox, type SandboxChannel } from '../../../src/sandbox/sandbox.js';
import { specOf } from '../policy/support/context.js';
import { HeldClock } from '../tools/support/stage.js';

const spec = specOf({ memory: '64m', cpus: 0.5, pids: 100 });
const { limits } = spec;
const limitIds = ['memory', 'swap', 'cpu', 'pids'] as const;

/** A sandbox whose process 1 is this process, in no cgroup of its own; before, its limits were `held`. */
function sandboxOf(options: { held?: boolean; failure?: Error; require?: readonly ControlId[] } = {}) {
  const status = options.held === true ? ('enforced' as const) : ('absent' as const);
  const controls = [...limitIds, 'deadline' as const].map((id) => {
    return { id, asked: 'before', engine: '-', kernel: 'before', status };
  });
  const bodies: unknown[] = [];
  const engine = {
    identity: { kind: 'podman' },
    updateContainer: (_id: string, body: unknown) => {
      bodies.push(body);
      return options.failure === undefined ? Promise.resolve() : Promise.reject(options.failure);
    },
    inspectContainer: () => Promise.resolve({ claims: { memoryBytes: 1 } }),
    removeContainer: () => Promise.resolve(true),
  } as unknown as Engine;
  const initPid = process.pid;
  const handle = {
    ...{ containerId: 'c0ffee'.repeat(10), initPid, namespace: pidNamespaceOf(initPid) ?? '' },
    initStartTicks: startTicksOf(initPid) ?? 0,
    spec: { ...spec, require: [...spec.require, ...(options.require ?? [])] },
    evidence: { readAtMs: 5, controls },
  };
  const clock = new HeldClock();
  return { engine, clock, bodies, make: (channel?: SandboxChannel) => new Sandbox(handle, engine, clock, channel) };
}

/** A channel whose process 1 answers when the test says so. */
function channelOf(answer: (boottimeMs: number) => Promise<void>): SandboxChannel {
  const channel = {
    isOpen: true,
    ended: new Promise(() => undefined),
    setDeadline: answer,
    hold: () => answer(0),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { path: 'fifo', channel: channel as unknown as SandboxChannel['channel'], release: () => Promise.resolve() };
}

const rowOf = (sandbox: Sandbox, id: ControlId) => sandbox.handle.evidence.controls.find((row) => row.id === id);
const refusal = new EngineError('ENGINE_FAILED', 'no cgroup');
const more = { ...limits, memoryBytes: 2 * limits.memoryBytes };

describe('other limits for a running sandbox', () => {
  it('are judged by what the kernel holds, not by the engine’s answer', async () => {
    const sandbox = sandboxOf().make();
    await sandbox.setLimits(more);
    expect(sandbox.handle.spec.limits).toEqual(more);
    expect(rowOf(sandbox, 'memory')).toMatchObject({ status: 'absent', asked: '128 MiB', engine: '1 B' });
    expect(rowOf(sandbox, 'memory')?.note).toContain('Delegate');
    expect(rowOf(sandbox, 'deadline')?.kernel).toBe('before');
  });

  it('that an engine refuses are what they are where none were held, and an error where they were', async () => {
    const loose = sandboxOf({ failure: refusal }).make();
    await loose.setLimits(more);
    expect(rowOf(loose, 'memory')).toMatchObject({ status: 'absent', asked: '128 MiB' });
    await expect(sandboxOf({ failure: refusal, held: true }).make().setLimits(more)).rejects.toBe(refusal);
  });

  it('are counted for whoever hears of them, but for those that the engine refused', async () => {
    const taken = sandboxOf().make();
    await taken.setLimits(more);
    const refused = sandboxOf({ failure: refusal }).make();
    await refused.setLimits(more);
    const unknown = sandboxOf({ failure: new EngineError('ENGINE_TIMEOUT', 'no answer') }).make();
    await expect(unknown.setLimits(more)).rejects.toThrow('no answer');
    expect([taken, refused, unknown].map((sandbox) => sandbox.limitChanges)).toEqual([1, 0, 1]);
  });

  it('that no engine was there to take are an error everywhere', async () => {
    const failure = new EngineError('ENGINE_UNAVAILABLE', 'it hung up');
    await expect(sandboxOf({ failure }).make().setLimits(more)).rejects.toBe(failure);
  });

  it('of which policy requires one that is not held are an error, and the evidence says which', async () => {
    const sandbox = sandboxOf({ held: true, require: ['pids'] }).make();
    await expect(sandbox.setLimits({ ...limits, pids: 50 })).rejects.toMatchObject({ code: 'CONTROL_NOT_ENFORCED' });
    expect(rowOf(sandbox, 'pids')).toMatchObject({ status: 'absent', asked: '50' });
  });

  it('are not to be had of an engine that has no way to change them', async () => {
    const failure = new EngineError('ENGINE_NOT_FOUND', 'Not Found');
    await expect(sandboxOf({ failure }).make().setLimits(more)).rejects.toMatchObject({
      code: 'UPDATE_UNSUPPORTED',
      hint: expect.stringContaining('4.3'),
    });
  });

  const changed = { ...limits, cpuMillis: 250 };
  it.each<[EngineKind, object, object]>([
    ['podman', changed, { cpu: { period: 100_000, quota: 25_000, shares: 1024 } }],
    ['docker', changed, { CpuPeriod: 100_000, CpuQuota: 25_000, CpuShares: 1024 }],
    ['podman', { ...limits, cpuShares: 2 }, { cpu: { period: 100_000, quota: 50_000, shares: 2 } }],
    ['podman', more, { memory: { limit: more.memoryBytes, swap: more.memoryBytes } }],
    ['docker', more, { Memory: more.memoryBytes, MemorySwap: more.memoryBytes }],
    ['podman', { ...limits, pids: 9 }, { pids: { limit: 9 } }],
    ['docker', { ...limits, pids: 9 }, { PidsLimit: 9 }],
  ])('are asked of %s controller by controller: %j', (kind, after, body) => {
    expect(updateBody(kind, limits, after as typeof limits)).toEqual(body);
  });
});

describe('another end for a running sandbox', () => {
  it('is what process 1 says it is', async () => {
    const told: number[] = [];
    const sandbox = sandboxOf().make(channelOf((ms) => Promise.resolve(void told.push(ms))));
    await sandbox.setDeadline(3_600_000, 7_200_000);
    expect(sandbox.handle.spec.lifetimeMs).toBe(7_200_000);
    expect(rowOf(sandbox, 'deadline')).toMatchObject({
      ...{ status: 'enforced', asked: '7200 s, by process 1' },
      kernel: `process 1 says: ends at ${told[0]} ms of CLOCK_BOOTTIME`,
    });
    expect(Number.isInteger(told[0])).toBe(true);
  });

  it('is not known when process 1 does not answer', async () => {
    const { make, clock } = sandboxOf({ held: true });
    const sandbox = make(channelOf(() => new Promise(() => undefined)));
    const setting = sandbox.setDeadline(3_600_000, 7_200_000).catch((error: unknown) => error);
    // The clock of the kernel is read first, in a turn of its own.
    await expect.poll(async () => clock.pass(1000).then(() => rowOf(sandbox, 'deadline')?.status)).toBe('unknown');
    expect(await setting).toMatchObject({ code: 'CHANNEL_UNAVAILABLE' });
    expect(sandbox.handle.spec.lifetimeMs).toBe(spec.lifetimeMs);
  });

  it('can not be had without a channel', async () => {
    const sandbox = sandboxOf({ held: true }).make();
    await expect(sandbox.setDeadline(1000, 1000)).rejects.toMatchObject({
      code: 'UPDATE_UNSUPPORTED',
      hint: expect.stringContaining('channel'),
    });
    expect(rowOf(sandbox, 'deadline')?.kernel).toBe('before');
  });
});

describe('a running sandbox that is to stand still', () => {
  it('does so when process 1 says that it has stopped everything, and is not waited for for ever', async () => {
    const answering = sandboxOf().make(channelOf(() => Promise.resolve()));
    await answering.hold?.();
    const { make, clock } = sandboxOf();
    const asking = make(channelOf(() => new Promise(() => undefined))).hold?.();
    const answer = asking?.catch((error: unknown) => error);
    await clock.pass(10_000, 1000);
    expect(await answer).toMatchObject({ code: 'CHANNEL_UNAVAILABLE' });
  });

  it('has nobody to ask without a channel', () => {
    expect(sandboxOf().make().hold).toBeUndefined();
  });
});

it('memory in use is what the kernel can not take back by itself', () => {
  const stat =
    'anon 1000\nfile 500000\nkernel_stack 10\npagetables 20\nsock 5\nshmem 2000\nslab_reclaimable 700\nslab_unreclaimable 30\n';
  expect(heldBytes(stat)).toBe(3065);
  expect(heldBytes('')).toBe(0);
});
