import type { Config } from '../config/load.js';
import { version } from '../core/version.js';
import { systemClock } from '../kit/clock.js';
import type { Metrics } from '../metrics/metrics.js';
import { freeBytes } from './metrics-here.js';

/** What the keeper counts, and the writing of it to a file. */
export interface KeeperMetrics {
  readonly metrics: Metrics;
  /** Until what is returned is disposed. */
  write(onFailure: (error: unknown) => void): AsyncDisposable;
}

const everyMs = 15_000;

/** Undefined where the settings name no file: then nothing is counted, and nothing of what counts is loaded. */
export async function keeperMetrics({ metrics: settings, stateDir }: Config): Promise<KeeperMetrics | undefined> {
  const path = settings.keeperFile;
  if (path === undefined) return undefined;
  const [{ Metrics }, { writeTextFile }] = await Promise.all([
    import('../metrics/metrics.js'),
    import('../metrics/text-file.js'),
  ]);
  // node_exporter puts it together with the files of servers. By a word and not by its number: keepers come and go, and are one at a time.
  const labels = { process: 'keeper' };
  const metrics = new Metrics({ version, clock: systemClock, freeBytes: () => freeBytes(stateDir), labels });
  return {
    metrics,
    write: (onFailure) => writeTextFile({ path, everyMs, shown: metrics, clock: systemClock, onFailure }),
  };
}
