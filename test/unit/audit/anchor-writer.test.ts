import { appendFile, mkdir, readFile, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AnchorWriter } from '../../../src/audit/anchor/anchor-writer.js';
import { parseCheckpoint } from '../../../src/audit/anchor/checkpoint.js';
import { openHostKey } from '../../../src/audit/anchor/host-key.js';
import { openAudit } from '../../../src/audit/audit-log.js';
import type { Clock } from '../../../src/kit/clock.js';
import { systemClock } from '../../../src/kit/clock.js';
import { caller, type Folder, folder, openAt } from './support/log-fixture.js';

/** Waits until the test lets a wait end; a try asks it for the time once. */
class HandClock implements Clock {
  readonly #waits: { ms: number; end: () => void }[] = [];
  tries = 0;

  now(): number {
    this.tries += 1;
    return Date.now();
  }

  monotonic(): number {
    return 0;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((end, cut) => {
      this.#waits.push({ ms, end });
      signal?.addEventListener('abort', () => cut(new DOMException('the wait was cut short', 'AbortError')));
    });
  }

  /** How long the only wait there is was to be; it is over then. */
  async pass(): Promise<number> {
    await expect.poll(() => this.#waits.length).toBe(1);
    const [wait] = this.#waits.splice(0);
    wait?.end();
    return wait?.ms ?? 0;
  }

  get isWaitedFor(): boolean {
    return this.#waits.length > 0;
  }
}

interface Ground extends AsyncDisposable {
  readonly f: Folder;
  readonly anchor: string;
  readonly clock: HandClock;
  readonly writer: AnchorWriter;
  readonly troubles: string[];
  readonly forwarded: string[];
  readonly heads: () => Promise<string[]>;
}

/** A log of three records, and what writes its heads, to which nothing was appended yet. */
async function ground(everyRecords: number): Promise<Ground> {
  const f = await folder();
  const log = await openAt(f.path);
  await log.event('command.output');
  await log[Symbol.asyncDispose]();
  const [anchor, key] = [join(f.dir, 'anchor.jsonl'), await openHostKey(join(f.dir, 'key.pem'))];
  const [troubles, forwarded]: [string[], string[]] = [[], []];
  const clock = new HandClock();
  const writer = new AnchorWriter({
    ...{ path: anchor, key, everyRecords, withinMs: 10_000, logPath: f.path, clock },
    onTrouble: (what) => troubles.push(what),
    forward: (checkpoint) => forwarded.push(checkpoint),
  });
  const heads = async () => (await readFile(anchor, 'utf8').catch(() => '')).split('\n').slice(0, -1);
  const dispose = async () => {
    await writer[Symbol.asyncDispose]();
    await f[Symbol.asyncDispose]();
  };
  return { f, anchor, clock, writer, troubles, forwarded, heads, [Symbol.asyncDispose]: dispose };
}

describe('a writer of checkpoints', () => {
  it('writes one when its time has come, for records that are fewer than one takes', async () => {
    await using g = await ground(100);
    for (let n = 0; n < 3; n += 1) g.writer.appended();
    expect([g.clock.tries, await g.heads()]).toEqual([0, []]);
    expect(await g.clock.pass()).toBe(10_000);
    await expect.poll(g.heads).toHaveLength(1);
    expect(parseCheckpoint((await g.heads())[0] ?? '')).toMatchObject({ bytes: (await stat(g.f.path)).size });
    expect(g.clock.isWaitedFor).toBe(false);
  });

  it('tries again, ever more seldom, until one can be written, though no further record comes; told and sent once', async () => {
    await using g = await ground(1);
    await mkdir(g.anchor);
    g.writer.appended();
    const waited: number[] = [];
    for (let n = 0; n < 6; n += 1) waited.push(await g.clock.pass());
    expect(waited).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000]);
    await expect.poll(() => g.clock.isWaitedFor).toBe(true);
    await rmdir(g.anchor);
    expect(await g.clock.pass()).toBe(10_000);
    await expect.poll(g.heads).toHaveLength(1);
    expect(g.clock.isWaitedFor).toBe(false);
    expect(g.troubles).toEqual([expect.stringContaining('EISDIR')]);
    expect(g.forwarded).toHaveLength(1);
  });

  it('makes no try for each record while it fails, and one for each again after that', async () => {
    await using g = await ground(1);
    await mkdir(g.anchor);
    g.writer.appended();
    await expect.poll(() => g.clock.isWaitedFor).toBe(true);
    for (let n = 0; n < 50; n += 1) g.writer.appended();
    expect(g.clock.tries).toBe(1);
    await rmdir(g.anchor);
    await g.clock.pass();
    await expect.poll(g.heads).toHaveLength(1);
    g.writer.appended();
    await expect.poll(g.heads).toHaveLength(2);
    expect(g.clock.tries).toBe(3);
  });

  it('waits for the next moment while the log ends in a torn record, and tells it, once, where it still does then', async () => {
    await using g = await ground(1);
    await appendFile(g.f.path, '{"action":"command.ou');
    g.writer.appended();
    await expect.poll(() => g.clock.isWaitedFor).toBe(true);
    expect(g.troubles).toEqual([]);
    expect(await g.clock.pass()).toBe(1000);
    await expect.poll(() => g.clock.isWaitedFor).toBe(true);
    expect([await g.heads(), g.forwarded]).toEqual([[], []]);
    expect(g.troubles).toEqual([expect.stringContaining('the log does not end in a whole record')]);
    // Another process of the same log puts it right: nothing tells this one.
    await (await openAt(g.f.path))[Symbol.asyncDispose]();
    expect(await g.clock.pass()).toBe(2000);
    await expect.poll(g.heads).toHaveLength(1);
    expect(parseCheckpoint((await g.heads())[0] ?? '')).toMatchObject({ bytes: (await stat(g.f.path)).size });
  });
});

it('tells it where its process ends and the log still does so in a torn record', async () => {
  const troubles: string[] = [];
  {
    await using g = await ground(100);
    await appendFile(g.f.path, '{"action":"command.ou');
    g.writer.appended();
    await g.writer[Symbol.asyncDispose]();
    troubles.push(...g.troubles);
  }
  expect(troubles).toEqual([expect.stringContaining('the log does not end in a whole record')]);
});

it('covers the last record of a log that nothing more is written to, also where its anchor was away', async () => {
  await using f = await folder();
  const [path, key] = [join(f.dir, 'anchor.jsonl'), await openHostKey(join(f.dir, 'key.pem'))];
  await mkdir(path);
  let toldOf = '';
  await using log = await openAudit({
    ...{ path: f.path, createParent: false, caller, version: '0.1.0', clock: systemClock },
    anchor: { path, key, everyRecords: 100, withinMs: 50 },
    onTrouble: (what) => {
      toldOf = what;
    },
  });
  await log.intent('command.run');
  await expect.poll(() => toldOf, { timeout: 20_000 }).toContain('EISDIR');
  await rmdir(path);
  const last = async () => (await readFile(path, 'utf8').catch(() => '')).trim().split('\n').at(-1) ?? '';
  await expect
    .poll(async () => parseCheckpoint(await last())?.bytes, { timeout: 20_000 })
    .toBe((await stat(f.path)).size);
});
