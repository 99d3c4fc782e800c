import { systemClock } from '../kit/clock.js';
import { requireToRead } from '../session/changes/layer-to-read.js';
import { SessionReviews } from '../session/changes/session-reviews.js';
import type { App } from './app.js';
import { layerReview } from './layer-review.js';

/** What sessions of this user have changed beside their projects. */
export function sessionReviews(app: App, env: Readonly<Record<string, string | undefined>>): SessionReviews {
  return new SessionReviews({
    layerOf: (id) => requireToRead(app.store, id, systemClock),
    review: layerReview(app),
    withhold: app.config.sitePolicy.withhold,
    env,
  });
}
