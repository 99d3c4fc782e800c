import { systemClock } from '../kit/clock.js';
import { mostOfTransfer } from '../sandbox/files/transfer-bounds.js';
import { SessionTransfers } from '../session/transfers/session-transfers.js';
import type { App } from './app.js';

/** What its commands inside may take each; what comes around them counts here as well. */
const longestMs = 600_000;

/** For callers whose host paths the site's policy judges. */
export async function judgedTransfers(app: App): Promise<SessionTransfers> {
  return new SessionTransfers({
    ...{ audit: await app.audit(), clock: systemClock, withhold: app.config.sitePolicy.withhold },
    ...{ judgement: app.approval(await app.engine()), bounds: mostOfTransfer, limitMs: longestMs },
  });
}

/** For people at a shell, with files of their own. */
export async function ownTransfers(app: App): Promise<SessionTransfers> {
  return new SessionTransfers({
    ...{ audit: await app.audit(), clock: systemClock, withhold: app.config.sitePolicy.withhold },
    ...{ judgement: undefined, bounds: mostOfTransfer },
  });
}
