import { type Logger, pino } from 'pino';
import type { AuditRecorder } from '../../audit/audit-log.js';
import { plain } from '../../audit/redaction.js';
import type { Config } from '../../config/load.js';
import { PaddockError, PolicyDenied } from '../../core/errors.js';
import { version } from '../../core/version.js';
import { Disposables } from '../../kit/disposables.js';
import { buildServer, callerOf } from '../../mcp/server.js';
import { type RefusedMessage, serveStdio } from '../../mcp/stdio.js';
import type { Metrics } from '../../metrics/metrics.js';
import type { Alarm } from '../../monitor/alarms/alarm.js';
import type { Monitoring } from '../../monitor/monitoring.js';
import type { Session } from '../../session/session.js';
import type { SessionsOptions } from '../../session/sessions-options.js';
import { allTools } from '../../tools/all-tools.js';
import type { ToolServices } from '../../tools/services.js';
import { approveWorkingDirectory } from '../../workspace/approve.js';
import { App } from '../app.js';
import { askPerson } from '../ask-person.js';
import { type CliCommand, type CommandContext, text } from '../command.js';
import { Hearing } from '../hearing.js';
import { counted, metricsHere, metricsOptions } from '../metrics-here.js';
import { alarmParts, newMonitoring } from '../new-monitoring.js';
import { pruneHere, reapWhileOpen } from '../prune-here.js';
import { httpOptions, serveHttp } from '../serve-http.js';
import { settingsOf } from '../settings.js';
import { toolServices } from '../tool-services.js';

const lastResortMs = 9000;

export const serve: CliCommand = {
  name: 'serve',
  usage: 'serve [--http ADDRESS:PORT | --http unix:PATH]',
  summary: 'MCP server on stdio, until its input ends; or over HTTP, for holders of keys',
  options: { ...httpOptions, ...metricsOptions },
  async run(context) {
    const config = await settingsOf(context);
    const address = text(context, 'http');
    if (address !== undefined) return await serveHttp(context, config, address);
    refuseForeignOptions(context);
    return await serveOnStdio(context, config);
  },
};

async function serveOnStdio(context: CommandContext, config: Config): Promise<number> {
  // stderr, synchronously: stdout belongs to MCP, and the last lines before an end are the ones that matter.
  const log = pino({ level: config.logLevel }, pino.destination({ fd: 2, sync: true }));
  const counting = await metricsHere(context, config);
  const metrics = counting?.metrics;
  const hearing = new Hearing(metrics?.heardApp);
  await using app = new App(config, context.env, { heard: hearing });
  await using held = new Disposables();
  const audit = await app.audit();
  if (counting !== undefined) held.use(await counting.open(log));
  let services: Promise<ToolServices> | undefined;
  const said = alarmParts(log, metrics, (alarm) => tell(alarm, log, services));
  const monitoring = await newMonitoring({ ...said, config, audit, held, hearing, env: context.env });
  const onQuestions: ServiceParts['onQuestions'] = (id, questions) => {
    askPerson({ server, approved: config.approvedPath, audit: callerOf(server, audit), id, questions, log });
  };
  const opened = () => {
    // An engine that is started later is found by the next call.
    services ??= makeServices({ app, monitoring, metrics, held, log, onQuestions }, context.signal).catch(
      (error: unknown) => {
        services = undefined;
        throw error;
      },
    );
    return services;
  };
  const onFailure = (tool: string, err: unknown) => {
    log.info({ tool, err }, 'a call failed');
    monitoring.denials.failed(err);
  };
  const server = buildServer({ version, tools: allTools, audit, services: opened, onFailure });
  const { stdin: input, stdout: output } = context.terminal;
  await serveStdio(server, { input, output, onRefused: refusalRecorder(server, audit, log) }, context.signal);
  await ended(server, log);
  return 0;
}

async function ended(server: { close(): Promise<void> }, log: Logger): Promise<void> {
  log.info('the client is gone; ending every session');
  // An engine that hangs must not keep a server without a client; `prune` finds what it leaves by its records.
  setTimeout(() => process.exit(1), lastResortMs).unref();
  await server.close();
}

/** Writes down what was no message that the server could take. */
function refusalRecorder(server: Parameters<typeof callerOf>[0], audit: AuditRecorder, log: Logger) {
  return (what: RefusedMessage, why: string): void => {
    log.info({ what, why }, 'a message was refused');
    const fields = { verdict: 'deny', result: 'BAD_ARGUMENT', details: { what: plain(what) } } as const;
    // Nothing was done, so nothing needs to be undone when it can't be recorded.
    callerOf(server, audit)
      .event('message.refused', fields)
      .catch((err: unknown) => log.error({ err }, 'the audit log could not be written'));
  };
}

/** In our log, and with the next result of the session, or of every session where it is about none of them. */
function tell(alarm: Alarm, log: Logger, services: Promise<ToolServices> | undefined): void {
  log.warn({ alarm }, 'alarm');
  const add = ({ sessions }: ToolServices) => {
    const isMeant = ({ id }: Session) => alarm.session === undefined || alarm.session === id;
    for (const session of sessions.list.filter(isMeant)) session.notices.add(alarm.text);
  };
  services?.then(add, () => undefined);
}

interface ServiceParts {
  readonly app: App;
  readonly monitoring: Monitoring;
  readonly metrics: Metrics | undefined;
  /** What ends before the app does. */
  readonly held: Disposables;
  readonly log: Logger;
  readonly onQuestions: NonNullable<SessionsOptions['onQuestions']>;
}

async function makeServices(parts: ServiceParts, signal: AbortSignal): Promise<ToolServices> {
  const { app, monitoring, metrics, held, log, onQuestions } = parts;
  const sessions = await app.sessions('attached', { monitoring, onQuestions });
  metrics?.look(() => sessions.list.map(counted));
  const onFailure = (err: unknown) => log.warn({ err }, 'could not prune');
  // What an earlier server left when it was killed goes now, beside the first call; `prune` is there for when it fails.
  pruneHere(app, { isDryRun: false, signal }).then(
    ({ removed }) => log.info({ removed: removed.length }, 'pruned'),
    onFailure,
  );
  held.use(await reapWhileOpen(app, onFailure));
  const project = await approveWorkingDirectory(process.cwd(), true, app.approval());
  return await toolServices(app, {
    ...{ sessions, monitoring, env: process.env },
    defaultProject: project instanceof PolicyDenied ? undefined : project.source,
  });
}

/** What says who may connect would be taken for something that holds. */
function refuseForeignOptions(context: CommandContext): void {
  const given = Object.keys(httpOptions).find((name) => context.values[name] !== undefined);
  if (given !== undefined) throw new PaddockError('BAD_ARGUMENT', `--${given} goes with --http`);
}
