import type { Logger } from 'pino';
import type { AuditRecorder } from '../../audit/audit-log.js';
import { plain } from '../../audit/redaction.js';
import type { Config } from '../../config/load.js';
import { PaddockError, PolicyDenied } from '../../core/errors.js';
import { version } from '../../core/version.js';
import { Disposables } from '../../kit/disposables.js';
import { buildServer, callerOf } from '../../mcp/server.js';
import { type RefusedMessage, serveStdio } from '../../mcp/stdio.js';
import type { Alarm } from '../../monitor/alarms/alarm.js';
import type { Session } from '../../session/session.js';
import type { SessionsOptions } from '../../session/sessions-options.js';
import { allTools } from '../../tools/all-tools.js';
import type { ToolServices } from '../../tools/services.js';
import { approveWorkingDirectory } from '../../workspace/approve.js';
import { askPerson } from '../ask-person.js';
import { type CliCommand, type CommandContext, text } from '../command.js';
import { httpOptions } from '../http-options.js';
import { counted, metricsOptions } from '../metrics-here.js';
import { endAnyway, openGround, pruneBeside, type ServerGround, sealWaitMs } from '../server-ground.js';
import { settingsOf } from '../settings.js';
import { toolServices } from '../tool-services.js';

type OnQuestions = NonNullable<SessionsOptions['onQuestions']>;

export const serve: CliCommand = {
  name: 'serve',
  usage: 'serve [--http ADDRESS:PORT | --http unix:PATH | --http activation]',
  summary: 'MCP server on stdio, until its input ends; or over HTTP, for holders of keys',
  options: { ...httpOptions, ...metricsOptions },
  async run(context) {
    const config = await settingsOf(context);
    const address = text(context, 'http');
    if (address !== undefined) {
      // Late: a server on stdio, which most are, starts without what speaks HTTP.
      const { serveHttp } = await import('../serve-http.js');
      return await serveHttp(context, config, address);
    }
    refuseForeignOptions(context);
    return await serveOnStdio(context, config);
  },
};

async function serveOnStdio(context: CommandContext, config: Config): Promise<number> {
  let services: Promise<ToolServices> | undefined;
  await using stack = new Disposables();
  const ground = await openGround(context, config, stack, (alarm) => tell(alarm, services));
  const { log, audit, monitoring, tracer } = ground;
  const onQuestions: OnQuestions = (id, questions) => {
    askPerson({ server, approved: config.approvedPath, audit: callerOf(server, audit), id, questions, log });
  };
  const opened = () => {
    // An engine that is started later is found by the next call.
    services ??= makeServices(ground, onQuestions, context.signal).catch((error: unknown) => {
      services = undefined;
      throw error;
    });
    return services;
  };
  const onFailure = (tool: string, err: unknown) => {
    log.info({ tool, err }, 'a call failed');
    monitoring.denials.failed(err);
  };
  const server = buildServer({ version, tools: allTools, audit, services: opened, onFailure, trace: tracer?.calls });
  const { stdin: input, stdout: output } = context.terminal;
  await serveStdio(server, { input, output, onRefused: refusalRecorder(server, audit, log) }, context.signal);
  ground.app.closeOpenings();
  await ended(server, log);
  return 0;
}

async function ended(server: { close(): Promise<void> }, log: Logger): Promise<void> {
  log.info('the client is gone; ending every session');
  endAnyway();
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

/** With the next result of the session, or of every session where it is about none of them. */
function tell(alarm: Alarm, services: Promise<ToolServices> | undefined): void {
  const add = ({ sessions }: ToolServices) => {
    const isMeant = ({ id }: Session) => alarm.session === undefined || alarm.session === id;
    for (const session of sessions.list.filter(isMeant)) session.notices.add(alarm.text);
  };
  services?.then(add, () => undefined);
}

async function makeServices(
  ground: ServerGround,
  onQuestions: OnQuestions,
  signal: AbortSignal,
): Promise<ToolServices> {
  const { app, monitoring, metrics, tracer } = ground;
  const traces = { onDecided: tracer?.decided, traceVisit: tracer?.visits };
  const sessions = await app.sessions('attached', { monitoring, onQuestions, ...traces, sealWaitMs });
  metrics?.look(() => sessions.list.map(counted));
  await pruneBeside(ground, signal);
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
