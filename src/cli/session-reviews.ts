import { stageInit } from '../sandbox/init-binary.js';
import { SessionReviews } from '../session/changes/session-reviews.js';
import { layerOf } from '../session/layers.js';
import { changesOf } from '../workspace/changes/changes-of.js';
import { type App, builtInit } from './app.js';

/** What sessions of this user have changed beside their projects. */
export function sessionReviews(app: App, env: Readonly<Record<string, string | undefined>>): SessionReviews {
  return new SessionReviews({
    layerOf: (id) => layerOf(app.store, id),
    review: async (layer, signal) => {
      const { source: program } = await stageInit(builtInit, app.config.stateDir);
      return changesOf(layer, { program, signal });
    },
    withhold: app.config.sitePolicy.withhold,
    env,
  });
}
