import { join } from 'node:path';
import { PaddockError, toPaddockError } from '../../core/errors.js';
import { Disposables } from '../../kit/disposables.js';
import { type Recovery, recoverApply } from '../../workspace/apply/recover.js';
import type { Layer } from '../../workspace/changes/layer.js';
import { claim } from '../control/claim.js';

/**
 * Runs while no other process applies, discards or recovers changes of that layer, after what a crash has left of an apply was undone or
 * finished. A dead process holds nobody up. Errors: LAYER_BUSY, PROJECT_UNWRITABLE, STATE_UNWRITABLE.
 */
export async function withLayer<T>(layer: Layer, run: (recovery: Recovery) => Promise<T>): Promise<T> {
  await using held = new Disposables();
  const mine = await claim(join(layer.folder, 'apply')).catch((error: unknown) => {
    if (toPaddockError(error).code !== 'SESSION_NOT_YOURS') throw error;
    throw new PaddockError('LAYER_BUSY', 'another process works on the changes of this session', { cause: error });
  });
  held.use(mine);
  return await run(await recoverApply(layer));
}

/** Undoes or finishes what a crash has left of an apply, if there is any. Errors as above. */
export function recoverLayer(layer: Layer): Promise<Recovery> {
  return withLayer(layer, (recovery) => Promise.resolve(recovery));
}
