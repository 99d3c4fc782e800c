import { stageInit } from '../sandbox/init-binary.js';
import type { Review } from '../workspace/changes/change.js';
import { changesOf } from '../workspace/changes/changes-of.js';
import type { Layer } from '../workspace/changes/layer.js';
import type { App } from './app.js';
import { builtInit } from './built-init.js';

/** Looks at what a session has written as it is now, by the program that comes with this Paddock. Errors: those of `changesOf`. */
export function layerReview({ config }: App): (layer: Layer, signal: AbortSignal) => Promise<Review> {
  return async (layer, signal) => {
    const { source: program } = await stageInit(builtInit, config.stateDir);
    return changesOf(layer, { program, signal });
  };
}
