import { describe, expect, it } from 'vitest';
import type { Limits } from '../../../src/core/limits.js';
import { decideUpdate, type UpdateFacts, type UpdateVerdict } from '../../../src/policy/update.js';
import { context, specOf } from './support/context.js';

const hourMs = 3_600_000;
const mib = 1024 ** 2;
const createdAtMs = 1_000_000_000;

/** A session with the defaults that is an hour old. */
const facts: UpdateFacts = {
  createdAtMs,
  spec: specOf({}),
  nowMs: createdAtMs + hourMs,
  plan: { deadlineAtMs: createdAtMs + 4 * hourMs, idleTimeoutMs: hourMs / 2, limits: specOf({}).limits },
};

/** The same over a project that it can write. */
const writable: Partial<UpdateFacts> = { spec: specOf({ projectPath: '/home/ada/p', workspace: 'rw' }) };

function judge(request: unknown, changes: Partial<UpdateFacts> = {}) {
  return decideUpdate(request, { ...facts, ...changes }, context());
}

describe('a change of a running session', () => {
  it('leaves everything as it is that it does not name', () => {
    expect(judge({ pids: 100 })).toEqual({
      verdict: 'allow',
      plan: { ...facts.plan, limits: { ...facts.plan.limits, pids: 100 } },
      notes: [],
    });
  });

  it('may give every limit anew, in the words of a creation', () => {
    expect(judge({ memory: '1g', cpus: 0.5, cpuShares: 512, pids: 64 })).toMatchObject({
      plan: { limits: { memoryBytes: 1024 * mib, cpuMillis: 500, cpuShares: 512, pids: 64 } },
    });
  });

  it('may give the disk anew, and the size of one file goes with it for what starts then', () => {
    const gib = 1024 * mib;
    const note = (now: string) =>
      `Commands that start from now on can write files of ${now} at most; those that run keep 10 GiB.`;
    expect(judge({ disk: '20g' }, writable)).toMatchObject({
      plan: { limits: { diskBytes: 20 * gib, fsizeBytes: 20 * gib, diskInodes: facts.plan.limits.diskInodes } },
      notes: [note('20 GiB')],
    });
    const least = Math.max(...facts.spec.tmpfs.map(({ sizeBytes }) => sizeBytes));
    expect(judge({ disk: '1m' }, writable)).toMatchObject({ plan: { limits: { diskBytes: mib, fsizeBytes: least } } });
    expect(judge({ disk: '20g' })).toMatchObject({
      notes: ['disk limits nothing: nothing on the disk can be written in this session', note('20 GiB')],
    });
  });

  it('leaves the size of one file as it was asked for, and as it is where it can not be changed', () => {
    const fixed = (limits: Partial<Limits>) => ({
      ...writable,
      plan: { ...facts.plan, limits: { ...facts.plan.limits, ...limits } },
    });
    const asked = specOf({ dockerOpts: { Ulimits: [{ Name: 'fsize', Hard: '5g' }] } }).limits;
    const sizes = (verdict: UpdateVerdict) => (verdict.verdict === 'allow' ? verdict.plan.limits.fsizeBytes : verdict);
    expect(sizes(judge({ disk: '20g' }, fixed(asked)))).toBe(5 * 1024 * mib);
    expect(sizes(judge({ disk: '2g' }, fixed(asked)))).toBe(2 * 1024 * mib);
    expect(sizes(judge({ disk: '8g' }, fixed({ ...asked, fsizeBytes: 2 * 1024 * mib })))).toBe(5 * 1024 * mib);
    const plain: { -readonly [K in keyof Limits]: Limits[K] } = { ...facts.plan.limits };
    delete plain.fsizeMostBytes;
    const older = { ...writable, plan: { ...facts.plan, limits: plain } };
    expect(judge({ disk: '20g' }, older)).toMatchObject({
      plan: { limits: { diskBytes: 20 * 1024 * mib, fsizeBytes: 10 * 1024 * mib } },
      notes: ['One file can still have 10 GiB at most.'],
    });
  });

  it('gives no less disk than a session has added, and says how much that is', () => {
    const added = { ...writable, diskAddedBytes: 3 * 1024 * mib };
    expect(judge({ disk: '2g' }, added)).toMatchObject({
      ...{ verdict: 'deny', ruleId: 'disk.in-use' },
      reason: 'disk 2 GiB is no more than the 3 GiB that the session has added already',
    });
    // At the limit its commands would be ended at once.
    expect(judge({ disk: '3g' }, added)).toMatchObject({ ruleId: 'disk.in-use' });
    expect(judge({ disk: '3073m' }, added)).toMatchObject({ verdict: 'allow' });
    // More room than before is always good, be it too little still.
    expect(judge({ disk: '11g' }, { ...writable, diskAddedBytes: 12 * 1024 * mib })).toMatchObject({
      verdict: 'allow',
    });
  });

  it.each([
    ['a lifetime, from the creation', { lifetime: '8h' }, createdAtMs + 8 * hourMs],
    ['a lifetime that ends sooner', { lifetime: '90m' }, createdAtMs + 1.5 * hourMs],
    ['an end, from now', { endsIn: '8h' }, createdAtMs + 9 * hourMs],
    ['an end that comes soon', { endsIn: '1s' }, createdAtMs + hourMs + 1000],
    ['seconds', { endsIn: 60 }, createdAtMs + hourMs + 60_000],
  ])('may give %s', (_what, request, deadlineAtMs) => {
    expect(judge(request)).toMatchObject({ plan: { deadlineAtMs } });
  });

  it('may give an idle timeout, also to a session that had none', () => {
    expect(judge({ idleTimeout: '45m' })).toMatchObject({ plan: { idleTimeoutMs: 0.75 * hourMs } });
    const plan = { ...facts.plan, idleTimeoutMs: undefined };
    expect(judge({ idleTimeout: 60 }, { plan })).toMatchObject({ plan: { idleTimeoutMs: 60_000 } });
    expect(judge({ pids: 9 }, { plan })).toMatchObject({ plan: { idleTimeoutMs: undefined } });
  });

  it.each([
    [{}, 'request.invalid'],
    [{ memory: undefined }, 'request.invalid'],
    [{ memory: null }, 'request.invalid'],
    [{ shm: '1g' }, 'request.unknown-key'],
    [{ lifetime: '2h', endsIn: '1h' }, 'request.conflict'],
    [{ disk: '1025g' }, 'disk.ceiling'],
    [{ disk: '1000k' }, 'limits.too-small'],
    [{ disk: 'much' }, 'limits.malformed'],
    // The site's ceilings, which hold for the whole life of a session.
    [{ lifetime: '25h' }, 'lifetime.ceiling'],
    [{ endsIn: '24h' }, 'lifetime.ceiling'],
    [{ idleTimeout: '25h' }, 'idle.ceiling'],
    [{ memory: '65g' }, 'memory.host'],
    [{ cpus: 9 }, 'cpu.host'],
    [{ cpuShares: 2049 }, 'cpu.shares-ceiling'],
    [{ pids: 8193 }, 'pids.ceiling'],
    // What is less than anything could run with, or over already.
    [{ lifetime: '30m' }, 'limits.too-small'],
    [{ lifetime: '1h' }, 'limits.too-small'],
    [{ endsIn: '500ms' }, 'limits.too-small'],
    [{ idleTimeout: '1ms' }, 'limits.too-small'],
    [{ memory: '1m' }, 'limits.too-small'],
    [{ cpus: 0.001 }, 'limits.too-small'],
    [{ pids: 7 }, 'limits.too-small'],
    [{ pids: -1 }, 'limits.malformed'],
    [{ memory: 'all' }, 'limits.malformed'],
    [{ endsIn: 'never' }, 'limits.malformed'],
    [{ lifetime: 0 }, 'limits.malformed'],
  ])('is refused: %j by %s', (request, ruleId) => {
    expect(judge(request)).toMatchObject({ verdict: 'deny', ruleId });
  });

  it('is refused whole when one part of it is', () => {
    expect(judge({ pids: 100, memory: '65g' })).toMatchObject({ verdict: 'deny', ruleId: 'memory.host' });
  });

  it('takes no memory away that is in use, and says how much that is', () => {
    const memoryInUseBytes = 300 * mib;
    expect(judge({ memory: '299m' }, { memoryInUseBytes })).toMatchObject({
      verdict: 'deny',
      ruleId: 'memory.in-use',
      reason: 'memory 299 MiB is less than the 300 MiB that the sandbox holds now',
    });
    expect(judge({ memory: '300m' }, { memoryInUseBytes })).toMatchObject({ verdict: 'allow' });
    // More than before is never too little.
    const plan = { ...facts.plan, limits: { ...facts.plan.limits, memoryBytes: 100 * mib } };
    expect(judge({ memory: '200m' }, { memoryInUseBytes, plan })).toMatchObject({ verdict: 'allow' });
  });

  it('says what it can not prove, and when full tmpfs could leave nothing of the new memory', () => {
    expect(judge({ cpuShares: 512 })).toMatchObject({ notes: [expect.stringContaining('weight')] });
    // All of them hold at most a GiB of the two that are the default.
    expect(judge({ memory: '1366m' })).toMatchObject({ notes: [] });
    expect(judge({ memory: '1g' })).toMatchObject({ notes: [expect.stringMatching(/keep their sizes .* of 1 GiB/)] });
  });

  it('is refused when nobody knows what the host has', () => {
    const host = { ...context().host, hostMemoryBytes: Number.NaN };
    expect(decideUpdate({ pids: 100 }, facts, { ...context(), host })).toMatchObject({ ruleId: 'limits.malformed' });
  });
});
