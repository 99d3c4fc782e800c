import { stageInit } from '../sandbox/init-binary.js';
import { SessionChanges } from '../session/changes/session-changes.js';
import { changesOf } from '../workspace/changes/changes-of.js';
import { type App, builtInit } from './app.js';

/** What sessions of this user have written beside their projects. */
export async function sessionChanges(app: App): Promise<SessionChanges> {
  return new SessionChanges({
    places: app.store,
    audit: await app.audit(),
    withhold: app.config.sitePolicy.withhold,
    review: async (layer, signal) => {
      const { source: program } = await stageInit(builtInit, app.config.stateDir);
      return changesOf(layer, { program, signal });
    },
  });
}
