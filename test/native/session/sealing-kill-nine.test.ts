import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/kit/clock.js';
import { sweepRecordFolder } from '../../../src/session/left-over-files.js';
import { readLayerNote } from '../../../src/workspace/layer-note.js';
import { compile } from '../../unit/workspace/apply/support/compiled.js';
import { builtInit, builtSupport } from '../init/support/compiled.js';
import { lines } from '../workspace/support/trees.js';
import { Kept } from './support/kept.js';

const programs = { init: builtInit(), mark: builtSupport('test/native/workspace/support/mark.c') };
const rounds = Number(process.env['PADDOCK_SEAL_ROUNDS'] ?? 10);
const [files, canary] = [60, 'canary-5b0c'];

describe(`kill -9 while what a session left is encrypted, ${rounds} times`, () => {
  let compiled: string;
  let program: string;
  let tookMs = 0;

  beforeAll(async () => {
    compiled = mkdtempSync(join(tmpdir(), 'paddock-sealing-child-'));
    program = compile(compiled, '../../../../native/session/support/sealing-child.ts');
    using kept = await ground();
    const beganMs = performance.now();
    await run(kept, await kept.session(fill));
    tookMs = performance.now() - beganMs;
  });
  afterAll(() => rmSync(compiled, { recursive: true }));

  async function ground(): Promise<Kept> {
    const kept = new Kept(programs);
    await kept.addKey();
    return kept;
  }

  function fill(upper: string): void {
    mkdirSync(join(upper, 'sub'));
    for (let at = 0; at < files; at++) writeFileSync(join(upper, `sub/${at}`), `${canary} ${at}\n`.repeat(2000));
  }

  /** Until it has ended, or for that long once it has begun; whether it was killed. */
  async function run(kept: Kept, id: string, ms?: number): Promise<boolean> {
    const args = [program, kept.state, join(kept.trees.top, 'run'), kept.keyFile, kept.program, id];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
    await once(child.stdout, 'data');
    child.stdout.resume();
    if (ms !== undefined) void sleep(ms).then(() => child.kill('SIGKILL'));
    return (await closed)[1] === 'SIGKILL';
  }

  it('leaves all of it in clear or all of it encrypted, and the next prune finishes', async () => {
    const seen = { killed: 0, plain: 0, sealed: 0 };
    for (let round = 0; round < rounds; round++) {
      using kept = await ground();
      const id = await kept.session(fill);
      const before = lines(await kept.shown(id));
      // Most of them while it works; the program's own start is in that time as well.
      seen.killed += (await run(kept, id, (tookMs * round) / rounds)) ? 1 : 0;
      const folder = kept.store.layerFolder(id);
      const note = await readLayerNote(folder);
      if (note?.sealed === undefined) {
        seen.plain += 1;
        for (let at = 0; at < files; at++) {
          expect(readFileSync(join(folder, 'upper/sub', String(at)), 'utf8')).toBe(`${canary} ${at}\n`.repeat(2000));
        }
      } else seen.sealed += 1;
      expect(lines(await kept.shown(id))).toEqual(before);
      const later = { ...systemClock, now: () => Date.now() + 3_600_000 };
      await sweepRecordFolder(kept.store, { clock: later, audit: kept.audit, isDryRun: false });
      expect(readdirSync(folder).sort()).toEqual(['layer.json', 'notes.age', 'upper.age']);
      expect(kept.holding(canary)).toEqual([]);
      expect(lines(await kept.shown(id))).toEqual(before);
    }
    expect(seen.killed).toBeGreaterThan(0);
  }, 180_000);
});
