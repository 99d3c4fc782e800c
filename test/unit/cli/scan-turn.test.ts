import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scanTurn } from '../../../src/cli/scan-turn.js';
import { systemClock } from '../../../src/kit/clock.js';
import { readProcessIdentity } from '../../../src/kit/process-identity.js';

describe('the turn of a scan', () => {
  let folder: string;
  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'paddock-test-')), 'scans');
  });
  afterEach(() => rm(join(folder, '..'), { recursive: true }));
  const never = new AbortController().signal;
  const turn = (onWait: () => void, signal = never) => scanTurn(folder, { clock: systemClock, signal, onWait });

  it('comes when the one before is over, and that it waits is said once', async () => {
    const said: string[] = [];
    const first = await turn(() => said.push('first waits'));
    const second = turn(() => {
      said.push('second waits');
      // Now that it is known to wait.
      void first[Symbol.asyncDispose]().then(() => said.push('first is over'));
    }).then((mine) => {
      said.push('second');
      return mine;
    });
    await (await second)[Symbol.asyncDispose]();
    expect(said).toEqual(['second waits', 'first is over', 'second']);
  });

  it('is not waited for when the scan is cancelled', async () => {
    const first = await turn(() => undefined);
    const stop = new AbortController();
    await expect(turn(() => stop.abort(), stop.signal)).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await first[Symbol.asyncDispose]();
  });

  it('is not held by a process that was killed', async () => {
    await (await turn(() => undefined))[Symbol.asyncDispose]();
    // Our own number, of a process that began before the kernel did.
    const gone = { ...(await readProcessIdentity()), startTimeTicks: 0 };
    await writeFile(join(folder, 'turn.9'), JSON.stringify(gone));
    const mine = await turn(() => {
      throw new Error('it waits');
    });
    await mine[Symbol.asyncDispose]();
  });

  it('says that there is no place for it', async () => {
    await writeFile(folder, '');
    await expect(turn(() => undefined)).rejects.toMatchObject({ code: 'STATE_UNWRITABLE' });
  });
});
