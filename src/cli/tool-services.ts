import { systemClock } from '../kit/clock.js';
import type { Monitoring } from '../monitor/monitoring.js';
import type { Sessions } from '../session/sessions.js';
import type { ToolServices } from '../tools/services.js';
import { agentMeans } from './agent-means.js';
import type { App } from './app.js';
import { checkHost } from './host-check.js';
import { sessionChanges } from './session-changes.js';
import { sessionCopies } from './session-copies.js';
import { sessionReviews } from './session-reviews.js';
import { judgedTransfers } from './session-transfers.js';

/** What watches the server, as far as tools tell it anything. */
export type ToolMonitoring = ToolServices['monitoring'] & Pick<Monitoring, 'checked'>;

export interface ToolServiceParts {
  readonly sessions: Sessions;
  readonly monitoring: ToolMonitoring;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly defaultProject: string | undefined;
}

/** What the tools work with: all that `app` is for, and nothing beyond. */
export async function toolServices(app: App, parts: ToolServiceParts): Promise<ToolServices> {
  const { sessions, monitoring, env, defaultProject } = parts;
  return {
    ...{ sessions, monitoring, defaultProject },
    store: app.store,
    copies: await sessionCopies(app),
    changes: await sessionChanges(app, env),
    reviews: sessionReviews(app, env),
    transfers: await judgedTransfers(app),
    agents: agentMeans(app, env),
    sitePolicy: app.config.sitePolicy,
    clock: systemClock,
    checkHost: async (signal) => {
      const report = await checkHost(app, () => Promise.resolve(sessions), signal);
      monitoring.checked(report.checks);
      return report;
    },
  };
}
