import { z } from 'zod';
import { path } from './quantities.js';

/** The table `[metrics]` (docs/monitoring.md). */
export const metrics = z.strictObject({
  keeper_file: path.refine((text) => text.endsWith('.prom'), 'does not end in .prom').optional(),
});

/** Where the metrics are of the process that keeps detached sessions, which nobody starts by hand. */
export interface MetricsSettings {
  /** Absolute path of a file for node_exporter; undefined: nowhere. */
  readonly keeperFile: string | undefined;
}

export function metricsSettings(given: z.output<typeof metrics> = {}, at: (path: string) => string): MetricsSettings {
  return { keeperFile: given.keeper_file === undefined ? undefined : at(given.keeper_file) };
}
