import type { Logger } from 'pino';
import type { AuditRecorder } from '../audit/audit-log.js';
import type { Config } from '../config/load.js';
import { Disposables } from '../kit/disposables.js';
import type { Metrics } from '../metrics/metrics.js';
import type { Alarm } from '../monitor/alarms/alarm.js';
import type { Monitoring } from '../monitor/monitoring.js';
import { holdFolder } from '../session/folder-hold.js';
import type { Tracer } from '../tracing/tracer.js';
import { App } from './app.js';
import type { CommandContext } from './command.js';
import { isContained } from './contained.js';
import { Hearing } from './hearing.js';
import { metricsHere } from './metrics-here.js';
import { newMonitoring } from './new-monitoring.js';
import { dropLeftOpened, pruneHere, reapWhileOpen } from './prune-here.js';
import { openLog } from './server-log.js';
import { tracingHere } from './tracing-here.js';

/** What a server stands on, whatever it speaks. */
export interface ServerGround {
  readonly log: Logger;
  readonly metrics: Metrics | undefined;
  readonly app: App;
  /** What ends before the app does. */
  readonly held: Disposables;
  readonly audit: AuditRecorder;
  readonly monitoring: Monitoring;
  readonly tracer: Tracer | undefined;
}

const lastResortMs = 9000;
/** A call is to be answered within 50 s, of which the engine may need some to end a session. */
export const sealWaitMs = 20_000;
/** One that compares opens two, and looks at them after that. */
const openWaitMs = 15_000;

/** `stack` has all of it until its end; `tell` hears each alarm, besides the log. Errors: BAD_ARGUMENT, BAD_CONFIG, AUDIT_UNWRITABLE. */
export async function openGround(
  context: CommandContext,
  config: Config,
  stack: Disposables,
  tell: (alarm: Alarm) => void,
): Promise<ServerGround> {
  const log = openLog(config.logLevel);
  const counting = await metricsHere(context, config);
  const metrics = counting?.metrics;
  const hearing = new Hearing(metrics?.heardApp);
  const tracer = await tracingHere(config.tracing, {
    ...{ stack, onSpans: metrics?.onSpans },
    onStart: (url) => log.info({ url }, 'calls are traced'),
    onLost: (why) => log.warn({ why }, 'traces are lost'),
  });
  if (tracer !== undefined) hearing.listen(tracer.heard);
  // Given up last of all: until then the app ends its sessions.
  const place = stack.use(new Disposables());
  const app = stack.use(new App(config, context.env, { heard: hearing, openWaitMs }));
  const held = stack.use(new Disposables());
  const audit = await app.audit();
  if (isContained({ env: context.env })) {
    const hold = place.use(await holdFolder(config, app.store));
    app.isAlive = (owner) => hold.isAlive(owner);
  }
  held.use(dropLeftOpened(app));
  if (counting !== undefined) held.use(await counting.open(log));
  const monitoring = await newMonitoring({
    ...{ config, audit, held, hearing, env: context.env, heard: metrics?.heard, onAlert: metrics?.onAlert },
    warn: (text) => log.warn(text),
    tell: (alarm) => {
      log.warn({ alarm }, 'alarm');
      tell(alarm);
    },
  });
  return { log, metrics, app, held, audit, monitoring, tracer };
}

/** What an earlier server left when it was killed goes now, beside the first call; `prune` is there for when it fails. */
export async function pruneBeside({ app, held, log }: ServerGround, signal: AbortSignal): Promise<void> {
  const onFailure = (err: unknown) => log.warn({ err }, 'could not prune');
  pruneHere(app, { isDryRun: false, isByItself: true, signal }).then(
    ({ removed, kept }) => log.info({ removed: removed.length, kept }, 'pruned'),
    onFailure,
  );
  held.use(await reapWhileOpen(app, onFailure));
}

/** An engine that hangs must not keep a server that is to end; `prune` finds what it leaves by its records. */
export function endAnyway(): void {
  setTimeout(() => process.exit(1), lastResortMs).unref();
}
