import { statfs } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { Config } from '../config/load.js';
import { PaddockError } from '../core/errors.js';
import { parseDuration } from '../core/units.js';
import { version } from '../core/version.js';
import { systemClock } from '../kit/clock.js';
import { Disposables } from '../kit/disposables.js';
import type { CountedSession, Metrics } from '../metrics/metrics.js';
import type { Session } from '../session/session.js';
import { type CliOptions, type CommandContext, text } from './command.js';

export const metricsOptions = {
  metrics: { type: 'string', help: 'serve Prometheus metrics at unix:/PATH, 127.0.0.1:PORT or [::1]:PORT' },
  'metrics-file': { type: 'string', help: 'write them to this .prom file, for node_exporter; %p is the process' },
  'metrics-every': { type: 'string', help: 'how often that file is written; default 15s' },
} as const satisfies CliOptions;

const usualEveryMs = 15_000;
const leastEveryMs = 1000;

/** The metrics of a process that was asked for some, and what lets others read them. */
export interface MetricsHere {
  readonly metrics: Metrics;
  /** Opens the places where they can be read. The caller disposes. Errors: BAD_ARGUMENT. */
  open(log: Logger): Promise<AsyncDisposable>;
}

/** Undefined where nobody asked for metrics: then nothing is counted, and nothing of what counts is loaded. Errors: BAD_ARGUMENT. */
export async function metricsHere(context: CommandContext, { stateDir }: Config): Promise<MetricsHere | undefined> {
  const [asked, file] = [text(context, 'metrics'), text(context, 'metrics-file')];
  const everyMs = everyOf(text(context, 'metrics-every'), file !== undefined);
  if (asked === undefined && file === undefined) return undefined;
  const [{ Metrics }, { readMetricsAddress }, { listenForMetrics }, { textFilePath, writeTextFile }] =
    await Promise.all([
      import('../metrics/metrics.js'),
      import('../metrics/address.js'),
      import('../metrics/listener.js'),
      import('../metrics/text-file.js'),
    ]);
  const address = asked === undefined ? undefined : readMetricsAddress(asked);
  const path = file === undefined ? undefined : textFilePath(file, process.pid);
  // node_exporter puts all files into one: without it the same sample of two processes would be one too many.
  const labels = file?.includes('%p') === true ? { process: String(process.pid) } : {};
  const metrics = new Metrics({ version, clock: systemClock, freeBytes: () => freeBytes(stateDir), labels });
  return {
    metrics,
    open: async (log) => {
      const opened = new Disposables();
      if (address !== undefined) {
        const listener = opened.use(await listenForMetrics(address, metrics));
        log.info({ at: listener.address }, 'metrics can be read');
      }
      if (path !== undefined) {
        const onFailure = (err: unknown) => log.warn({ err, path }, 'the metrics could not be written');
        opened.use(writeTextFile({ path, everyMs, shown: metrics, clock: systemClock, onFailure }));
      }
      return opened;
    },
  };
}

/** A session as metrics count it. */
export function counted({ id, sandbox, liveCommands, disk, egress, broker }: Session): CountedSession {
  const moved = egress?.usage;
  return {
    ...{ id, isAlive: sandbox.alive, commands: liveCommands, diskBytes: disk?.usage?.bytes ?? 0 },
    egress: moved && { ...moved, open: moved.connections },
    models: (broker?.usage().lines ?? []).map(({ route, model = '', key, requests, unpriced, costUsd, tokens }) => {
      const { input, output, cacheRead, cacheWrite, cacheWriteLong } = tokens;
      return {
        ...{ provider: route, name: `${route} ${model} ${key}`, requests, unpriced },
        // As the audit log has it at the end.
        microUsd: Math.round(costUsd * 1e6),
        tokens: { input, output, cacheRead, cacheWrite: cacheWrite + cacheWriteLong },
      };
    }),
  };
}

function everyOf(asked: string | undefined, hasFile: boolean): number {
  if (asked === undefined) return usualEveryMs;
  const everyMs = parseDuration(asked);
  if (everyMs !== undefined && everyMs >= leastEveryMs && hasFile) return everyMs;
  throw new PaddockError('BAD_ARGUMENT', `--metrics-every ${asked}`, {
    hint: 'Give a duration of a second or more, such as 30s, together with --metrics-file.',
  });
}

/** What is free for this user where that folder is; undefined where that can't be known. */
export async function freeBytes(folder: string): Promise<number | undefined> {
  const found = await statfs(folder).catch(() => undefined);
  return found === undefined ? undefined : found.bavail * found.bsize;
}
