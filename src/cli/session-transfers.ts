import { systemClock } from '../kit/clock.js';
import { mostOfTransfer, type TransferBounds } from '../sandbox/files/transfer-bounds.js';
import { SessionTransfers } from '../session/transfers/session-transfers.js';
import type { App } from './app.js';

/** Clients give up at 60 s, some of them without telling. */
const longestCallMs = 45_000;
const mostOfCall: TransferBounds = { entries: 50_000, bytes: 1024 ** 3 };

/** For callers whose host paths the site's policy judges, and who do not wait for long. */
export async function judgedTransfers(app: App): Promise<SessionTransfers> {
  return new SessionTransfers({
    ...{ audit: await app.audit(), clock: systemClock, withhold: app.config.sitePolicy.withhold },
    ...{ judgement: app.approval(await app.engine()), bounds: mostOfCall, limitMs: longestCallMs },
  });
}

/** For people at a shell, with files of their own. */
export async function ownTransfers(app: App): Promise<SessionTransfers> {
  return new SessionTransfers({
    ...{ audit: await app.audit(), clock: systemClock, withhold: app.config.sitePolicy.withhold },
    ...{ judgement: undefined, bounds: mostOfTransfer },
  });
}
