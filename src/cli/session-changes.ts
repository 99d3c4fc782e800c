import { SessionChanges } from '../session/changes/session-changes.js';
import type { App } from './app.js';
import { layerReview } from './layer-review.js';

/** What sessions of this user have written beside their projects. */
export async function sessionChanges(
  app: App,
  env: Readonly<Record<string, string | undefined>>,
): Promise<SessionChanges> {
  return new SessionChanges({
    places: app.store,
    audit: await app.audit(),
    withhold: app.config.sitePolicy.withhold,
    env,
    review: layerReview(app),
  });
}
