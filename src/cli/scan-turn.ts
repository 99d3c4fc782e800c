import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PaddockError } from '../core/errors.js';
import type { Clock } from '../kit/clock.js';
import { tryClaim } from '../session/control/claim.js';

const lookEveryMs = 250;

/**
 * Comes to its turn when no other process scans for this folder, a second later or an hour; disposing gives it up. Trivy's cache is for one at a time: where another
 * has it, it waits for ever (0.44) or fails after five seconds (0.68), and the archives of all would lie on the disk at once. `onWait`: told
 * once. Errors: INTERRUPTED, STATE_UNWRITABLE.
 */
export async function scanTurn(
  folder: string,
  wait: { readonly clock: Pick<Clock, 'sleep'>; readonly signal: AbortSignal; readonly onWait: () => void },
): Promise<AsyncDisposable> {
  const { clock, signal, onWait } = wait;
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw new PaddockError('STATE_UNWRITABLE', `no folder can be made at ${folder}`, { cause });
  });
  const path = join(folder, 'turn');
  let mine = await tryClaim(path);
  if (mine === undefined) onWait();
  while (mine === undefined) {
    await clock.sleep(lookEveryMs, signal).catch((cause: unknown) => {
      throw new PaddockError('INTERRUPTED', 'the scan was cancelled', { cause });
    });
    mine = await tryClaim(path);
  }
  return mine;
}
