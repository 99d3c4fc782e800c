import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../../src/kit/clock.js';
import { sweepQueues } from '../../../src/session/queues.js';
import { compile } from '../../unit/workspace/apply/support/compiled.js';

const rounds = process.env['PADDOCK_QUEUE_ROUNDS'] ?? '60';
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'paddock-queue-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it('lets one process at a time into a queue whose notes a prune removes again and again', async () => {
  const program = compile(folder, '../../../../native/session/support/queue-child.ts');
  const place = mkdtempSync(join(folder, 'state-'));
  const children = [1, 2].map(() =>
    spawn(process.execPath, [program, join(place, 'snapshots-key'), rounds], { stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  try {
    const said = children.map((child) => text(child.stdout));
    let left = children.length;
    for (const child of children) child.once('close', () => (left -= 1));
    // All are old by this clock.
    const sweep = { clock: { ...systemClock, now: () => Date.now() + 120_000 }, isDryRun: false };
    let swept = 0;
    while (left > 0) {
      swept += (await sweepQueues(place, () => true, sweep)).length;
      await turn();
    }
    expect(await Promise.all(said)).toEqual(['begun\nmet 0\n', 'begun\nmet 0\n']);
    expect(swept).toBeGreaterThan(0);
    await sweepQueues(place, () => true, sweep);
    expect(readdirSync(place).filter((name) => name.startsWith('snapshots'))).toEqual([]);
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
});
