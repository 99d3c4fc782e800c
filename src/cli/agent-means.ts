import { systemClock } from '../kit/clock.js';
import type { AgentMeans } from '../session/agents/means.js';
import { requireToRead } from '../session/changes/layer-to-read.js';
import { shownReview } from '../session/changes/shown-review.js';
import { openedLayer } from '../workspace/changes/layer.js';
import type { App } from './app.js';
import { layerReview } from './layer-review.js';

/** What runs of agents in the sessions of this process need. */
export function agentMeans(app: App, env: Readonly<Record<string, string | undefined>>): AgentMeans {
  const look = layerReview(app);
  return {
    ...{ sitePolicy: app.config.sitePolicy, clock: systemClock, hostPath: env['PATH'] ?? '' },
    async review(id, signal) {
      await using open = await openedLayer((await requireToRead(app.store, id, systemClock)).layer, signal);
      return await shownReview(open.layer, await look(open.layer, signal));
    },
  };
}
